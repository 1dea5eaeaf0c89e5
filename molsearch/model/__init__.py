"""Texts and molecules to unit vectors in one space."""
