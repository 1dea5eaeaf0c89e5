"""A reading and a library become a ranking, and how sure it is."""
