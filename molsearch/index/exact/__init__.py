"""Libraries in a folder of this computer, searched exactly."""
