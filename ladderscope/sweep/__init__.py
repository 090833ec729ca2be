"""From a grid to a ledger: every cell in a fresh process, what is missing only."""
