"""Files to molecules: reading, clean-up, features, names and properties."""
