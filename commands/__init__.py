"""The write side: a request becomes a typed command, a handler decides, events reach the log.

Suggested reading: `ports.py`, `post_tweet.py`, `handling.py`, `routes.py`.
"""
