"""What a user asks of a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.records import PREDICT
from ladderscope.regression.baseline import FILE_NAME
from ladderscope.regression.limits import Limit, parse_fail_on
from ladderscope.regression.selection import check_patterns

_METERS = (PREDICT, "cpu", "cuda")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A check as a user asks for it.

    Args:
        baseline: the file.
        grids: files of cells; empty for those of the baseline.
        patterns: of ``--select``.
        meter: ``predict``, ``cpu`` or ``cuda``.
        gpus: to predict for; empty for those of the baseline, or the default where there is none.
        fail_on: thresholds over those of the file, ``"peak_allocated:0"``.
        repeat: how often each cell is measured; None for as often as the baseline was, at least once.
        jobs: cells at a time; None for the default of the meter.
        timeout: seconds after which a cell is ended.
    """

    baseline: Path = Path(FILE_NAME)
    grids: Sequence[Path] = ()
    patterns: Sequence[str] = ()
    meter: str = PREDICT
    gpus: Sequence[str] = ()
    fail_on: Sequence[str] = ()
    repeat: int | None = None
    jobs: int | None = None
    timeout: float | None = None

    def limits(self) -> dict[str, Limit]:
        """The thresholds that the request states.

        Raises:
            UsageError: one of them cannot be read.
        """
        return parse_fail_on(self.fail_on)

    def refuse_nonsense(self) -> None:
        """Find out early what cannot be asked for.

        Raises:
            UsageError: what it is, and what to give instead.
        """
        if self.meter not in _METERS:
            raise UnknownNameError("meter", self.meter, _METERS)
        if self.meter == PREDICT and (self.repeat or 1) > 1:
            raise UsageError("predictions repeat to the byte: give --repeat with --meter cuda or cpu alone.")
        if self.meter != PREDICT and self.gpus:
            raise UsageError("--gpu says what to predict for: leave it out where cells are measured.")
        check_patterns(self.patterns)
        self.limits()
