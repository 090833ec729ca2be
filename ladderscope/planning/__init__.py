"""What fits on which GPU, and what to change first: searches over predictions."""
