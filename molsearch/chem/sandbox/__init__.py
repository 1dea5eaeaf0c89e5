"""Chemistry that may hang or crash RDKit runs in processes of its own."""
