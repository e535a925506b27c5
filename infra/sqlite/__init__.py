"""The embedded profile's engine: one SQLite file for the log, one for each projection."""
