"""The follower graph of the cluster profile."""
