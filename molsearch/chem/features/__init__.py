"""Molecules as what the encoders read: graphs, fragments and descriptors."""
