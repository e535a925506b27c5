"""One suite of tests for each port, run on every adapter."""
