"""From points as they were read to the table that laws are fitted to."""

from __future__ import annotations

from dataclasses import replace

from ladderscope.scaling.reading.checkpoints import GROWING, rows_like_checkpoints
from ladderscope.scaling.reading.checks import check_points, varies, why_unusable
from ladderscope.scaling.reading.pairing import pair_keys, pooled_settings
from ladderscope.scaling.reading.raw_points import RawPoints
from ladderscope.scaling.table import CENSORED, GROUP, RESPONSE, RUN, WEIGHT, ScalingTable

OWN_RUNS = "The table names no training runs, so each row counts as a run of its own."
LIKE_CHECKPOINTS = (
    "{n} of {total} rows differ from others in {along} alone: if they are checkpoints of a run, name its column with "
    "--columns run=COLUMN, because intervals are too narrow otherwise."
)


def checked_table(raw: RawPoints) -> ScalingTable:
    """The table of ``raw`` without predictors that nobody asked for and no law could use.

    Raises:
        UsageError: no law can be fitted to the points (:func:`check_points`).
    """
    usable = _without_unusable(raw)
    check_points(usable)
    axes = {name: info for name, info in usable.axes.items() if varies(usable.frame, name)}
    return table_of(replace(usable, axes=axes, notes=[*usable.notes, *_on_runs(usable)]))


def table_of(raw: RawPoints) -> ScalingTable:
    """The table of ``raw``, whose numbers are known to be right."""
    keys = pair_keys(raw)
    names = [RESPONSE, *raw.axes, GROUP, RUN, WEIGHT, CENSORED, *(key for key in keys if key not in raw.axes)]
    return ScalingTable(
        frame=raw.frame[names].reset_index(drop=True),
        response=raw.response,
        axes=raw.axes,
        by=raw.by,
        pair_keys=keys,
        pooled=pooled_settings(raw),
        left_out=raw.left_out,
        notes=raw.notes,
        sources=raw.sources,
    )


def _without_unusable(raw: RawPoints) -> RawPoints:
    """Without the predictors that came along by their name and are not positive numbers; a note says which."""
    reasons = {name: why_unusable(raw.frame[name]) for name in raw.axes if name not in raw.named}
    notes = [
        f"{raw.axes[name].label.capitalize()} ({name}) is no predictor here: {reason}."
        for name, reason in reasons.items()
        if reason
    ]
    axes = {name: info for name, info in raw.axes.items() if not reasons.get(name)}
    return replace(raw, axes=axes, notes=[*raw.notes, *notes])


def _on_runs(raw: RawPoints) -> list[str]:
    if raw.has_runs:
        return []
    along = [name for name in GROWING if name in raw.axes]
    same = [GROUP, *raw.settings, *(name for name in raw.axes if name not in along)]
    like = rows_like_checkpoints(raw.frame, same, along)
    if like <= len(raw.frame) / 2:
        return [OWN_RUNS]
    return [OWN_RUNS, LIKE_CHECKPOINTS.format(n=like, total=len(raw.frame), along=" and ".join(along))]
