"""What was tried for Ladder's defaults. A new choice is one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ladderscope import LadderConfig, LSTConfig, QSTConfig, XLadderConfig


@dataclass(frozen=True)
class Choice:
    """A config, a quarter of the backbone's width unless it says otherwise, and its learning rate."""

    name: str
    config: Callable[[], Any]
    lr: float = 2e-3


def _ladder(preset: Any = LadderConfig, **settings: Any) -> Callable[[], Any]:
    return lambda: preset(**{"reduction_factor": 4, **settings})


_PLAIN = {"init": "default", "output_gain": 1.0}

CHOICES = (
    Choice("ladder", _ladder()),
    Choice("xladder", _ladder(XLadderConfig)),
    Choice("lst", _ladder(LSTConfig)),
    Choice("qst", _ladder(QSTConfig)),
    Choice("plain start and gain", _ladder(**_PLAIN), lr=4e-3),
    Choice("xladder, plain start and gain", _ladder(XLadderConfig, **_PLAIN), lr=4e-3),
    Choice("plain start", _ladder(init="default")),
    Choice("plain gain", _ladder(output_gain=1.0)),
    Choice("gain 16", _ladder(output_gain=16.0)),
    Choice("twice the rate", _ladder(), lr=4e-3),
    Choice("linear taps", _ladder(downsample="linear")),
    Choice("random basis", _ladder(basis="random")),
    Choice("sum gate", _ladder(gate="none")),
    Choice("vector gate", _ladder(gate="vector")),
    Choice("gate 0.88 at the start", _ladder(gate_init=0.2)),
    Choice("sliced", _ladder(init="sliced")),
    Choice("pruned", _ladder(init="pruned")),
    Choice("orthogonal", _ladder(init="orthogonal")),
    Choice("light blocks", _ladder(side_block="light")),
    Choice("an eighth of the width", _ladder(reduction_factor=8)),
)
