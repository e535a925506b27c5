"""The read side: a query asks the stores for ids, joins what the page needs, returns bytes.

Every page takes the same four steps: skeleton (ids) -> hydration in bulk -> block and mute rules
-> presentation. Suggested reading: `views.py`, `sight.py`, `hydration.py`, `timelines.py`,
`routes.py`.
"""
