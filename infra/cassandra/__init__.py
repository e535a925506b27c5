"""What the cluster profile keeps in Cassandra: streams of the log, and views that are wide rows."""
