"""Tests on the real engines."""
