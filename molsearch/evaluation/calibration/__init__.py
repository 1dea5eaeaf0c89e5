"""What a model's confidence is fitted on and by."""
