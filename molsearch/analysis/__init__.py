"""What a model makes of texts, molecules and libraries, for the eye."""
