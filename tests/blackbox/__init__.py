"""The HTTP contract, asked of a server process from outside: HTTP and the command line only."""
