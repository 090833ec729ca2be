"""Options of the command line, and the ini keys that mirror them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.records import DEFAULT_GPU

if TYPE_CHECKING:
    from ladderscope.regression.limits import Limit

PREDICT, CUDA = "predict", "cuda"
METERS = (PREDICT, CUDA)
DEFAULT_BASELINE = "ladderscope-baseline.json"


class _Option(NamedTuple):
    """An option with an ini key of the same name."""

    name: str
    default: Any
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] | None = None

    @property
    def is_repeatable(self) -> bool:
        return isinstance(self.default, list)

    @property
    def ini_type(self) -> Literal["linelist", "string"]:
        return "linelist" if self.is_repeatable else "string"


_OPTIONS = (
    _Option(
        "meter",
        PREDICT,
        "where the memory of tests comes from: predicted, on a machine without a GPU, or measured on a CUDA device.",
        choices=METERS,
    ),
    _Option("gpu", DEFAULT_GPU, "what to predict for: a GPU by name, or one such as 12GiB:sm86.", "NAME"),
    _Option("baseline", DEFAULT_BASELINE, "the baseline's file, relative to rootdir.", "FILE"),
    _Option(
        "fail_on",
        [],
        "how much a metric may grow before memory_baseline fails: peak_reserved:2%, activations:16MiB; any number of "
        "times. It goes before the baseline's fail_on, and a marker's fail_on before both.",
        "METRIC:LIMIT",
    ),
)


@dataclass(frozen=True)
class Options:
    """What a session was asked for.

    Args:
        meter: ``predict`` or ``cuda``.
        gpu: that tests are predicted for where no marker says otherwise.
        baseline: its file.
        fail_on: how much metrics may grow, where neither marker nor baseline says otherwise.
        updates: whether the baseline takes this session's results.
    """

    meter: str
    gpu: str
    baseline: Path
    fail_on: Mapping[str, Limit]
    updates: bool


def add_options(parser: pytest.Parser) -> None:
    """Add them all to pytest's own."""
    group = parser.getgroup("ladderscope", "GPU memory of tests (ladderscope)")
    for option in _OPTIONS:
        default = "" if option.is_repeatable else f"  [default: {option.default}]"
        group.addoption(
            f"--ladderscope-{option.name.replace('_', '-')}",
            dest=f"ladderscope_{option.name}",
            action="append" if option.is_repeatable else "store",
            metavar=option.metavar,
            choices=option.choices,
            help=option.help.replace("%", "%%") + default,
        )
        parser.addini(
            f"ladderscope_{option.name}",
            f"as --ladderscope-{option.name.replace('_', '-')}: {option.help}",
            type=option.ini_type,
            default=option.default,
        )
    group.addoption(
        "--ladderscope-update",
        dest="ladderscope_update",
        action="store_true",
        help="write into the baseline what tests with memory_baseline take now, and remove entries whose tests are "
        "gone from the files that this session collects; all else in it stays as it is.",
    )


def value_or_ini(config: pytest.Config, name: str) -> Any:
    """The value of an option, else that of its ini key, else its default."""
    value = config.getoption(f"ladderscope_{name}")
    return config.getini(f"ladderscope_{name}") if value is None else value


def options_of(config: pytest.Config) -> Options:
    """The options of a session.

    Raises:
        pytest.UsageError: an unknown meter, GPU or metric, or a limit that cannot be read.
    """
    meter, gpu = value_or_ini(config, "meter"), value_or_ini(config, "gpu")
    if meter not in METERS:
        raise pytest.UsageError(f"ladderscope_meter is {meter!r}: choose from {', '.join(METERS)}.")
    try:
        _check_gpu(gpu)
        fail_on = _limits(config, meter)
    except LadderscopeError as error:
        raise pytest.UsageError(str(error)) from None
    baseline = config.rootpath / value_or_ini(config, "baseline")
    return Options(meter, gpu, baseline, fail_on, config.getoption("ladderscope_update"))


def _check_gpu(name: str) -> None:
    if name != DEFAULT_GPU:
        # Not at the top: sessions that use none of this are to start as fast as without it.
        from ladderscope.memory.predict.gpus import find_gpu

        find_gpu(name)


def _limits(config: pytest.Config, meter: str) -> dict[str, Limit]:
    texts = value_or_ini(config, "fail_on")
    if not texts:
        return {}
    from ladderscope.regression.pytest_plugin.thresholds import thresholds_of_tests

    # An option is of this session and so of its meter; the ini file is there for predictions too.
    is_option = config.getoption("ladderscope_fail_on") is not None
    return thresholds_of_tests(texts, meter if is_option else PREDICT)
