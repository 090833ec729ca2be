"""Reports: what the records of a ledger cost and reached, as HTML, Markdown, figures and terminal tables."""

from __future__ import annotations

from ladderscope.report.terminal import print_records

__all__ = ["print_records"]
