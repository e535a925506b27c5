"""The administrators' page: markup, style and ES modules of our own, served by `web/site.py`."""
