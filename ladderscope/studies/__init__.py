"""Studies: a claim of a paper, cells that decide it, and a verdict that is computed from their ledger alone."""
