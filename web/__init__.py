"""What both HTTP applications share: routes as data, problems, sign-in, tokens, OpenAPI.

Suggested reading: `routing.py`, `app.py`, `problems.py`.
"""
