"""Search in the cluster profile."""
