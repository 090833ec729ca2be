"""Which law to believe, and how far beyond the data."""
