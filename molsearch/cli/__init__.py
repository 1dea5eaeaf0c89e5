"""The commands, each a function of the library."""
