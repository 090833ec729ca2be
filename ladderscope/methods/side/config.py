"""PEFT configs of the side-tuning family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from peft import PeftConfig

from ladderscope import __version__

Downsample = Literal["frozen", "linear"]
Gate = Literal["scalar", "sum"]


@dataclass
class SideConfig(PeftConfig):
    """What all side networks share.

    A side network is a small transformer beside a frozen backbone. Its blocks are the backbone's own block class
    at ``hidden_size / reduction_factor``; some of them receive a *tap*, the output of a backbone block brought down
    to the side width. What it computes is projected up, by a projection that starts at zero, and added to the last
    hidden state before the final norm, so that the tuned model starts as the backbone, bit for bit.

    Args:
        reduction_factor: backbone width divided by side width. Must divide the hidden size and leave every head
            an even number of channels.
        downsample: how a tap is brought to the side width. ``"frozen"`` normalises it, multiplies it with one fixed
            random orthonormal matrix that all taps share, and then with a small trained matrix of its own: only the
            narrow product is kept for backward. ``"linear"`` is one trained projection per tap, as in the Ladder
            paper; its weight gradient needs the full-width tap, which is then kept for backward.
        gate: how a tap joins the side stream: ``"scalar"`` is LST's learned interpolation
            ``sigmoid(a / gate_temperature)``, starting at one half; ``"sum"`` is plain addition.
        gate_temperature: divisor of the gate's logit (LST: 0.1).
        target_modules: the final norm of the decoder, where the side network's output is added. Found by structure
            where it is None; there is no reason to set it by hand.
        modules_to_save: modules besides the side network to train and save, such as a classification head.
    """

    reduction_factor: int = field(default=8, metadata={"help": "Backbone width divided by side width."})
    downsample: Downsample = field(default="frozen", metadata={"help": "How a tap is brought down: frozen or linear."})
    gate: Gate = field(default="scalar", metadata={"help": "How a tap joins the side stream: scalar or sum."})
    gate_temperature: float = field(default=0.1, metadata={"help": "Divisor of the scalar gate's logit."})
    target_modules: set[str] | list[str] | None = field(
        default=None, metadata={"help": "The decoder's final norm; found by structure where None."}
    )
    modules_to_save: list[str] | None = field(
        default=None, metadata={"help": "Modules besides the side network to train and save."}
    )
    ladderscope_version: str = field(
        default=__version__,
        metadata={"help": "Version that made the adapter; `import ladderscope.methods` to load it."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reduction_factor < 1:
            raise ValueError(f"reduction_factor must be at least 1, not {self.reduction_factor}")
        for name, choices in (("downsample", ("frozen", "linear")), ("gate", ("scalar", "sum"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if self.gate_temperature <= 0:
            raise ValueError(f"gate_temperature must be positive, not {self.gate_temperature}")

    def tap_map(self, num_layers: int) -> list[int | None]:
        """For every side block in order, the index of the backbone block that feeds it, or None for a free block."""
        raise NotImplementedError


@dataclass
class LadderConfig(SideConfig):
    """Ladder side-tuning (arXiv 2512.14237): one side block beside every tapped backbone block.

    Args:
        taps: ``"all"``, or the indices of the backbone blocks that feed the side blocks, in rising order.
    """

    taps: str | list[int] = field(default="all", metadata={"help": "'all', or rising backbone block indices."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = "LADDER"
        if isinstance(self.taps, str) and self.taps != "all":
            raise ValueError(f"taps must be 'all' or a list of block indices, not {self.taps!r}")
        if isinstance(self.taps, Sequence) and not isinstance(self.taps, str):
            self.taps = list(self.taps)
            if not self.taps or self.taps != sorted(set(self.taps)) or self.taps[0] < 0:
                raise ValueError(f"taps must be block indices from 0 in rising order, not {self.taps}")

    def tap_map(self, num_layers: int) -> list[int | None]:
        """One side block per tap.

        Raises:
            ValueError: a tap beyond the last backbone block.
        """
        if isinstance(self.taps, str):
            return list(range(num_layers))
        if self.taps[-1] >= num_layers:
            raise ValueError(f"tap {self.taps[-1]} is beyond the last of {num_layers} backbone blocks")
        return list(self.taps)


@dataclass
class XLadderConfig(SideConfig):
    """xLadder (arXiv 2512.14237): the top ``delta`` backbone blocks feed as many side blocks; free ones follow.

    The effective depth is the backbone's plus ``delta``. With the default, half of the backbone's depth, there are
    as many side blocks as Ladder has, so the two have nearly the same number of parameters.

    Args:
        delta: number of tapped blocks, and of free blocks after them; None means half of the backbone's depth.
    """

    delta: int | None = field(default=None, metadata={"help": "Tapped blocks, and free blocks; None: half the depth."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = "XLADDER"
        if self.delta is not None and self.delta < 1:
            raise ValueError(f"delta must be at least 1, not {self.delta}")

    def tap_map(self, num_layers: int) -> list[int | None]:
        """``delta`` taps at the top of the backbone, then ``delta`` free blocks.

        Raises:
            ValueError: ``delta`` is larger than the number of backbone blocks.
        """
        delta = self.delta if self.delta is not None else max(1, num_layers // 2)
        if delta > num_layers:
            raise ValueError(f"delta {delta} is larger than the number of backbone blocks, {num_layers}")
        taps: list[int | None] = list(range(num_layers - delta, num_layers))
        return taps + [None] * delta
