"""Many molecules side by side, as arrays of atoms and bonds."""
