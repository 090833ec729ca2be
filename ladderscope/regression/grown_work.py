"""Which components of a step do more work, and which modules train more parameters."""

from __future__ import annotations

from ladderscope.memory.places import count
from ladderscope.regression.metrics import TRAINABLE_PARAMS
from ladderscope.regression.verdict import EntryVerdict, Growth, MetricChange
from ladderscope.units import format_flops

_NAMED_MODULES = 3


def change_of(verdict: EntryVerdict, metric: str) -> MetricChange | None:
    """The change of one metric; None where it has no limit and did not change."""
    return next((change for change in verdict.changes if change.name == metric), None)


def has_grown(verdict: EntryVerdict, metric: str) -> bool:
    """Whether a metric is larger than in the baseline, within its limit or not."""
    change = change_of(verdict, metric)
    return change is not None and change.change > 0


def flops_lines(verdict: EntryVerdict) -> list[str]:
    """The components of a step whose FLOPs differ, the largest growth first."""
    assert verdict.before is not None
    assert verdict.after is not None
    before, after = verdict.before.flops, verdict.after.flops
    if not before or not after:
        return []
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in dict.fromkeys((*before, *after))}
    differing = sorted(((change, name) for name, change in changes.items() if change), key=lambda pair: -pair[0])
    if not differing:
        return []
    texts = [f"{name.replace('_', ' ')} {'+' if n > 0 else '-'}{format_flops(abs(n))}" for n, name in differing]
    return [f"FLOPs of a step by component: {', '.join(texts)}."]


def trainable_lines(verdict: EntryVerdict) -> list[str]:
    """How many more (or fewer) parameters are trained, and the modules that hold them."""
    change = change_of(verdict, TRAINABLE_PARAMS)
    if change is None or not change.change:
        return []
    modules = _trained_modules(verdict, grew=change.change > 0)
    verb = "more" if change.change > 0 else "fewer"
    where = ""
    if modules:
        rest = len(modules) - _NAMED_MODULES
        where = f", in {', '.join(modules[:_NAMED_MODULES])}{f' and {rest} smaller' if rest > 0 else ''}"
    return [f"{abs(change.change):,} {verb} parameters are trained{where}."]


def _trained_modules(verdict: EntryVerdict, grew: bool) -> list[str]:
    """Modules with more (or fewer) weights to train, by what they hold for training, the largest first."""
    sign = 1 if grew else -1
    for category in ("adapter_weights", "optimizer_state", "gradients"):
        found = [
            growth
            for growth in verdict.growths
            if growth.moment == "peak" and growth.category == category and growth.change * sign > 0
        ]
        if found:
            return list(dict.fromkeys(map(_module, sorted(found, key=lambda growth: -growth.change * sign))))
    return []


def _module(growth: Growth) -> str:
    number = count(growth.place)
    return growth.place.partition(": ")[0] + (f" ({number} of them)" if number > 1 else "")
