"""Ledgers: append-only JSONL files of records, read, written, filtered, merged, counted and exported.

What reads and writes is imported with the package and needs nothing heavy; what filters and exports is not.
"""

from ladderscope.ledger.reading import read_ledger, read_ledgers
from ladderscope.ledger.writing import Ledger

__all__ = ["Ledger", "read_ledger", "read_ledgers"]
