"""Caption-molecule pairs to a trained model; never imported while serving."""
