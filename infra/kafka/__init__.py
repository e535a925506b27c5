"""The ordered head of the log, in the cluster profile: topics, records, consumers."""
