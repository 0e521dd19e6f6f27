"""A narrower study around the best trials."""
