"""How fast the program is, beside what bounds it."""
