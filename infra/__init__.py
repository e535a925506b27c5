"""Adapters by engine, settings, the composition roots and the command line."""
