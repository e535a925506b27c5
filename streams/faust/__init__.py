"""Projections as Faust workers: one app, which is one consumer group, for each projection.

Faust owns who reads which partition; the sink owns how far it was read.
Suggested reading: `worker.py`, `expected.py`, `consumer.py`, `reading.py`, `app.py`.
"""
