"""A text becomes what it asks for, and each molecule is held against it."""
