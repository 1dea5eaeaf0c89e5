"""A model becomes figures: one protocol a file."""
