"""One session's work: its private libraries, its basket and its tools."""
