"""Molecules by vector: exact search over a stored library."""
