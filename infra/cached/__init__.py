"""Stores of views with a cache before them. Each implements its port with any store of it."""
