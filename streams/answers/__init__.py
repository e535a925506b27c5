"""Proof that a view equals a fold of the log, by asking both the same questions.

A store is asked through its projection's port and nothing else, so that it does not matter which
engine either is on.

Suggested reading: `keys.py`, `questions.py`, `proof.py`.
"""
