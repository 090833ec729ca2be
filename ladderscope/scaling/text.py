"""Numbers of a fit as text, for terminals, pages and figures alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ladderscope.scaling.results.estimates import Ends, Estimate
from ladderscope.scaling.results.law_fit import LawFit
from ladderscope.scaling.results.scaling_fit import AxisInfo, ScalingFit
from ladderscope.units import GIB, KIB, MIB, format_bytes, format_count, format_flops

MISSING = "-"
NOT_IDENTIFIED = "not identified"
NOT_STATED = "not stated"
UNBOUNDED = "unbounded"
INTERVAL_NAMES = {
    "covariance": "from the covariance clustered by run",
    "profile": "by profile likelihood",
    "bootstrap": "by bootstrap over runs",
    "wild": "by wild bootstrap over runs",
}
"""Method of an interval -> in words."""
WIDE = 20.0
MAX_LISTED = 4
LARGEST_PLAIN, SMALLEST_PLAIN = 1e5, 1e-4
_BYTES = ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "B"))
_FLOPS = ((24, "Y"), (21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"))
_COUNTS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_COUNTED = ("token", "tokens", "parameter", "parameters")


def format_value(value: float, unit: str) -> str:
    """``value`` for people: bytes, FLOPs and counts scaled, anything else with four digits."""
    if unit == "bytes":
        return format_bytes(value)
    if unit == "FLOP":
        return format_flops(value)
    if unit in _COUNTED and value >= LARGEST_PLAIN:
        return format_count(round(value))
    size, name = _scale_of(value, unit)
    return f"{_plain(value / size, None)} {name}".rstrip()


def format_quantity(value: float, unit: str) -> str:
    """``value`` with its unit, for sentences."""
    text = format_value(value, unit)
    if unit in _COUNTED:
        return f"{text} {unit.removesuffix('s')}s"
    return text if unit in ("", "1", "FLOP") or unit.startswith("bytes") else f"{text} {unit}"


def format_interval(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    """``'0.347 [0.317, 0.379]'`` with as many digits as the interval is worth; without one, the value alone."""
    if value is None:
        return MISSING
    low, high = _finite(low), _finite(high)
    if low is None and high is None:
        return format_value(value, unit)
    size, name = _scale_of(value, unit)
    texts = _together([None if end is None else end / size for end in (value, low, high)])
    return f"{texts[0]} [{texts[1]}, {texts[2]}] {name}".rstrip()


def equivalence_confidence(confidence: float) -> str:
    """Two one-sided tests at 1 - ``confidence`` each are an interval of this much (Schuirmann 1987): 90% for 95%."""
    return f"{100 * (2 * confidence - 1):.3g}%"


def format_estimate(estimate: Estimate | None, unit: str) -> str:
    """An estimate with its interval, for a cell of a table."""
    if estimate is None:
        return MISSING
    return format_interval(estimate.value, estimate.low, estimate.high, unit)


def format_ends(ends: Ends, unit: str) -> str:
    """``'0.71 to 1.32'``, scaled as bytes, FLOPs and counts are."""
    known = [end for end in map(_finite, ends) if end is not None]
    scales = {_scale_of(end, unit) for end in known}
    if len(scales) > 1:
        return " to ".join(format_value(end, unit) for end in ends)
    size, name = scales.pop() if scales else (1.0, "")
    low, high = (None if end is None else end / size for end in map(_finite, ends))
    return f"{' to '.join(_together([low, high]))} {name}".rstrip()


def format_parameter(fit: LawFit, name: str) -> str:
    """A parameter of ``fit`` with its interval; one that the data do not pin down has no number to quote."""
    estimate = fit.parameters.get(name)
    if estimate is None:
        return MISSING
    low, high = (None, None) if estimate.interval is None else map(_finite, estimate.interval)
    if not is_identified(fit, name):
        return NOT_IDENTIFIED + _one_sided(low, high, estimate.unit)
    if estimate.interval is None:
        return format_value(estimate.value, estimate.unit)
    return format_interval(estimate.value, low, high, estimate.unit)


def is_identified(fit: LawFit, name: str) -> bool:
    """Whether the data pin the parameter down, as far as the certificate knows."""
    return fit.certificate is None or name not in fit.certificate.not_identified


def parameter_names(fit: ScalingFit) -> list[str]:
    """The law's parameters, the slope first."""
    names = dict.fromkeys(name for group in fit.groups for name in group.fit.parameters)
    return sorted(names, key=lambda name: name != fit.slope)


def parameter_unit(fit: ScalingFit, name: str) -> str:
    """The unit of a parameter of ``fit``."""
    return next(group.fit.parameters[name].unit for group in fit.groups if name in group.fit.parameters)


def axis_label(axis: AxisInfo, scaled_unit: str | None = None) -> str:
    """``'training compute (FLOP)'``; a label that names its unit, such as parameters, needs no second time."""
    unit = scaled_unit or axis.unit
    if unit in ("", "1") or unit in axis.label:
        return axis.label
    return f"{axis.label} ({unit}s)" if unit in _COUNTED and not unit.endswith("s") else f"{axis.label} ({unit})"


def is_relative(fit: LawFit) -> bool:
    """Whether the residuals of ``fit`` are differences of logarithms, rather than in the unit of the response."""
    return fit.scale == "log"


def format_deviation(fit: LawFit, unit: str) -> str:
    """The root mean square of the residuals: a percentage where they are relative."""
    if fit.rmsd is None:
        return MISSING
    return percent(fit.rmsd) if is_relative(fit) else format_value(fit.rmsd, unit)


def percent(share: float) -> str:
    """``'0.70%'``, ``'33%'``."""
    return f"{100 * share:.2g}%" if abs(share) < 0.995 else f"{100 * share:.0f}%"


def format_p(p: float | None) -> str:
    """A p value; below a thousandth only that it is."""
    if p is None:
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def format_holm(p: float | None, adjusted: float | None) -> str:
    """A p value, and in brackets what Holm's adjustment makes of it where that is another."""
    return format_p(p) if adjusted is None or adjusted == p else f"{format_p(p)} (Holm {format_p(adjusted)})"


def listed(words: Sequence[str]) -> str:
    """``'a, b and c'``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shortened(names: Sequence[str]) -> str:
    """The first of ``names``, and how many there are beyond them."""
    if len(names) <= MAX_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[: MAX_LISTED - 1])} and {len(names) - MAX_LISTED + 1} more"


def _one_sided(low: float | None, high: float | None, unit: str) -> str:
    if low is not None and high is None:
        return f", above {format_value(low, unit)}"
    if high is not None and not low:
        return f", below {format_value(high, unit)}"
    return ""


def _together(values: Sequence[float | None]) -> list[str]:
    """``values`` with the same number of decimals, two or three digits of what they span, unless that is decades."""
    known = [value for value in values if value is not None]
    if known and 0 < WIDE * min(known) < max(known):
        return [UNBOUNDED if value is None else f"{value:.3g}" for value in values]
    span = max(known) - min(known) if known else 0.0
    decimals = None
    if span > 0 and SMALLEST_PLAIN <= max(map(abs, known)) < LARGEST_PLAIN:
        decimals = min(max(0, 1 - math.floor(math.log10(span / 1.5))), 6)
    return [UNBOUNDED if value is None else _plain(value, decimals) for value in values]


def _scale_of(value: float, unit: str) -> tuple[float, str]:
    """What to divide numbers of the size of ``value`` by, and the unit to write after them."""
    if unit == "bytes" or unit.startswith("bytes per "):
        size, name = next((size, name) for size, name in _BYTES if abs(value) >= size or size == 1)
        return size, name + ("" if unit == "bytes" else f"/{unit.removeprefix('bytes per ')}")
    if unit == "FLOP":
        return next(((10.0**e, f"{p}FLOP") for e, p in _FLOPS if abs(value) >= 10**e), (1.0, "FLOP"))
    if unit in _COUNTED and abs(value) >= LARGEST_PLAIN:
        return next((size, name) for size, name in _COUNTS if abs(value) >= size)
    return 1.0, ""


def _plain(value: float, decimals: int | None) -> str:
    if decimals is None:
        plain = value == 0 or SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN
        return f"{value:.4g}" if plain else f"{value:.2e}"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _finite(end: float | None) -> float | None:
    return None if end is None or not math.isfinite(end) else end
