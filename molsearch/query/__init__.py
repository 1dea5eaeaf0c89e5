"""What a text asks for: names, classes, amounts, structure, roles and exclusions; and how well a molecule agrees."""
