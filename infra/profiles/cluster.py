"""The cluster profile: one of many processes that serve, on the engines."""
