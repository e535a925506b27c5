"""Tables of the cluster profile: analytics, accounts, keys, identity, dead letters."""
