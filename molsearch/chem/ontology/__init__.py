"""What chemists call things: classes, groups and the patterns that decide them."""
