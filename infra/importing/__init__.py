"""Bringing posts and follows from files in, through the same command handlers as requests.

Suggested reading: `imports.py`, `posts.py`, `people.py`, `follows.py`, `files.py`.
"""
