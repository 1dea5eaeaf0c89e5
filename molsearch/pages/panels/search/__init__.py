"""Panels of the Search page."""
