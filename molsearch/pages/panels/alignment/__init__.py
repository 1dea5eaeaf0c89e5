"""Panels of the Alignment page."""
