"""One entry of a baseline: what a cell or a test took, where its bytes were, and under which versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ladderscope.errors import BaselineError
from ladderscope.memory.places import fold
from ladderscope.records import Cell
from ladderscope.regression.entry_parts import PARTS, check_part
from ladderscope.regression.metrics import METRICS, PEAK_ALLOCATED

Places = Mapping[str, Mapping[str, int]]
"""Category -> folded place -> bytes of each; see ``ladderscope.memory.places``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was measured or predicted, for comparison: plain data, the same for the same code and versions.

    Args:
        name: of the cell, for people, with all that tells it from other cells; or the node id of a test.
        meter: ``predict``, ``cpu`` or ``cuda``.
        gpu: that was measured or predicted for; None on a CPU.
        status: ``ok``, or ``oom`` where a prediction does not fit: its numbers are what a larger GPU needs.
        settings: of the cell, all of them; empty for a test.
        asked: the method, and the settings beside it, as they were asked for where a file decides what they are:
            ``{"method": "peft:adapter_config.json", "settings": ""}``. A check reads the file again.
        metrics: by name; see ``ladderscope.regression.metrics``. For repeated measurements, their medians.
        breakdown: of the allocated peak, in bytes by category; sums to it.
        flops: of a step by component; sums to the metric.
        peak_at: what was running when the peak was reached.
        at_peak: where the bytes of the peak are; empty where it was measured.
        saved_for_backward: where the bytes are that forward leaves for backward.
        versions: of what decides the numbers, by package.
        repeats: the single values of a repeated measurement by metric, sorted; empty for a prediction.
    """

    name: str
    meter: str
    gpu: str | None
    status: str = "ok"
    settings: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)
    breakdown: dict[str, int] = field(default_factory=dict)
    flops: dict[str, int] = field(default_factory=dict)
    peak_at: str = ""
    at_peak: Places = field(default_factory=dict)
    saved_for_backward: Places = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    repeats: dict[str, list[int]] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, int]:
        """All that can be checked, by metric: the metrics and the categories of the breakdown."""
        return {**self.metrics, **self.breakdown}

    @property
    def is_prediction(self) -> bool:
        """Whether it was predicted, and so is the same at every repetition."""
        return self.meter == "predict"

    @property
    def num_repeats(self) -> int:
        """How many measurements it is the median of."""
        return max(map(len, self.repeats.values()), default=1)

    @property
    def cell(self) -> Cell:
        """The cell of an entry that has settings.

        Raises:
            UnknownNameError: the settings hold what no cell has.
            BaselineError: they lack what every cell has.
        """
        try:
            return Cell.from_json(self.settings)
        except TypeError as error:
            raise BaselineError(f"settings of the entry {self.name!r} need a model and a method") from error

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON values without its name, under which a baseline keeps it; what is empty is left out."""
        values = dataclasses.asdict(self)
        del values["name"]
        for part in ("metrics", "breakdown", "repeats"):
            values[part] = {name: values[part][name] for name in METRICS if name in values[part]}
        for part in ("at_peak", "saved_for_backward"):
            values[part] = {category: fold(places) for category, places in sorted(values[part].items())}
        return {key: value for key, value in values.items() if value or key in ("gpu", "status")}

    @classmethod
    def from_json(cls, name: str, values: Any) -> Self:
        """The entry that :meth:`to_json` gave.

        Raises:
            BaselineError: a part is missing, unknown or impossible.
        """
        if not isinstance(values, dict):
            raise BaselineError(f"its entry {name!r} is not an object")
        wrong = sorted(set(values) - set(PARTS))
        if wrong:
            raise BaselineError(f"its entry {name!r} has an unknown part {wrong[0]!r}")
        if not {"meter", "gpu", "metrics"} <= set(values):
            raise BaselineError(f"its entry {name!r} is not complete: it needs a meter, a gpu and metrics")
        checked = {}
        for part, value in values.items():
            try:
                checked[part] = check_part(part, value)
            except ValueError as error:
                raise BaselineError(f"{part} of its entry {name!r}: {error}") from error
        entry = cls(name=name, **checked)
        if PEAK_ALLOCATED not in entry.metrics:
            raise BaselineError(f"metrics of its entry {name!r} lack {PEAK_ALLOCATED}, which every entry has")
        if entry.gpu is None and entry.meter != "cpu":
            raise BaselineError(f"its entry {name!r} does not say which gpu it is of")
        return entry
