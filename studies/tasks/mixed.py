"""Whether all runs of a task were trained on and asked the same items."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record

from .answers import TASK_NAMES


def mixed_items(records: Sequence[Record]) -> str:
    """A sentence on the first task whose records have several digests of its items; empty where there is none."""
    for task in TASK_NAMES:
        digests = sorted({record.answers[task].items for record in records if task in record.answers})
        if len(digests) > 1:
            return (
                f"Runs of {task} had different items ({', '.join(digest or 'unknown' for digest in digests)}), whose "
                "answers cannot be compared: take the records of all but one out of the ledger, and run again."
            )
    return ""
