"""From ledgers and tables to the points that laws are fitted to."""

from __future__ import annotations

from ladderscope.scaling.reading.read import default_x, read_table, table_from_records
from ladderscope.scaling.reading.request import TableRequest
from ladderscope.scaling.reading.roles import LONG_NAMES, ROLES, axis_name

__all__ = ["LONG_NAMES", "ROLES", "TableRequest", "axis_name", "default_x", "read_table", "table_from_records"]
