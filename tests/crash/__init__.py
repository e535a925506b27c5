"""A killed server: what it acknowledged is there, once, as soon as it runs again."""
