"""Screen a compound library with a sentence: one learned space for texts and molecules."""

__version__ = "0.2.0"
