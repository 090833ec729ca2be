"""From ledgers and tables to the points that laws are fitted to."""

from __future__ import annotations

from ladderscope.scaling.reading.files import is_ledger
from ladderscope.scaling.reading.read import read_table, table_from_records
from ladderscope.scaling.reading.request import TableRequest
from ladderscope.scaling.reading.roles import LONG_NAMES, ROLES

__all__ = ["LONG_NAMES", "ROLES", "TableRequest", "is_ledger", "read_table", "table_from_records"]
