"""Home timelines and caches of the cluster profile."""
