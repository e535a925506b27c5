"""From the log to the projections: envelope, pipeline, runner, replay.

Suggested reading: `pipeline.py`, `runner.py`, `registry.py`, `envelope.py`.
"""
