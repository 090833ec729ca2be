"""Which of several records counts, wherever ledgers are read: the one that says that it finished last."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ladderscope.ledger.columns import finished_at
from ladderscope.records import Record, RecordKey

_Kept = TypeVar("_Kept")
_NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class Standing(NamedTuple):
    """Of records of one key from several ledgers the one with the highest standing counts; of equals the last named.

    The later one does. Only failures that older versions wrote say no time: they never count beside a record that
    does, so that no order of ledgers replaces a result by an old crash. Else what is ok counts before what is not.
    """

    is_dated: bool
    finished_at: datetime.datetime
    is_ok: bool


def standing_of(record: Record) -> Standing:
    """What decides whether ``record`` counts beside others of its key."""
    time = finished_at(record)
    return Standing(time is not None, time or _NEVER, record.status == "ok")


def drop_superseded_failures(kept: dict[RecordKey, _Kept], standing: Callable[[_Kept], Standing]) -> None:
    """Remove failures that name no GPU where a later record of the same cell and meter names one.

    With an engine nobody knows what a job would have run on that was lost, or ended, before it had a record. So the
    record of the next try has another key, and would stand beside the failure for ever.

    Args:
        kept: by key; what is superseded is taken out.
        standing: of one of them. A failure goes where another one's is as high, or higher.
    """
    without_gpu = {key[:2] for key in kept if key[2] is None}
    placed = [key for key in kept if key[2] is not None and key[:2] in without_gpu]
    for cell_id, meter, gpu in placed:
        failure = kept.get((cell_id, meter, None))
        if failure is None or standing(failure).is_ok:
            continue
        if standing(kept[cell_id, meter, gpu]) >= standing(failure):
            del kept[cell_id, meter, None]
