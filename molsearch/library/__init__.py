"""Molecules that stay: libraries by name, filled whole or not at all."""
