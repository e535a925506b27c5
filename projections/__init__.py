"""The read models: one file per projection, with its operations, store port and pure projector.

Suggested reading: `projection.py`, `author_timelines.py`, `home_timelines.py`.
"""
