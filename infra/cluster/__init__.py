"""The real engines on this machine, without Docker: installed from package registries, started,
watched and stopped (`starling cluster`). Read `engine.py`, `kafka.py`, then `cluster.py`.
"""
