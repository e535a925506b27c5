"""Pages of our own, served as they are: no framework, no network, no inline code."""
