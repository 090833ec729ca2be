"""What a record is made of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak memory in bytes; ``None`` where the meter cannot see that quantity.

    Allocated and reserved are the peaks of one training step, RSS is that of the process in its whole life.
    ``breakdown_bytes`` splits ``peak_allocated_bytes`` at the moment of the peak and sums to it exactly.
    ``saved_for_backward_bytes`` is what the first forward pass of the step leaves in memory for its backward pass:
    activations, logits and loss, whoever holds them.
    """

    peak_allocated_bytes: int
    peak_reserved_bytes: int | None
    peak_rss_bytes: int | None
    breakdown_bytes: dict[str, int]
    saved_for_backward_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMemory:
    """Peak memory of one rank of several in bytes, as in :class:`Memory`, and what it holds of the model's states.

    ``states_bytes`` are weights, quantization state, adapter weights, gradients and optimizer state by category, with
    the padding that their storages have: under FSDP a rank's part, else all.
    """

    rank: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int | None
    states_bytes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Where the bytes of a step are, by category and place (``ladderscope.memory.places``); kept on request alone.

    ``peak_at`` says what was running when the peak was reached, empty where the step begins at its peak. ``at_peak``
    sums to the breakdown without its ``rounding``, ``saved_for_backward`` to that of the memory.
    """

    peak_at: str
    at_peak: dict[str, dict[str, int]]
    saved_for_backward: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Peaks of one phase of a run, in bytes."""

    peak_allocated_bytes: int
    peak_reserved_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a predicted record says beside its memory, which is that of a steady step.

    ``phases`` are load, first step, steady step, evaluation, and generation where the cell has it. ``usable_bytes``
    is what the GPU leaves to PyTorch's allocator, ``outside_bytes`` what CUDA is estimated to take beside it.
    ``unverified`` names the rules behind the numbers that no recorded run has confirmed.
    """

    phases: dict[str, Phase]
    usable_bytes: int
    outside_bytes: int
    unverified: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Numbers of parameters. ``total`` counts a 4-bit weight as one parameter, like any other."""

    trainable: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """Floating-point operations of one optimizer step on one GPU; ``by_component`` sums to ``per_step``."""

    per_step: int
    per_token: float
    by_component: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalLoss:
    """Mean cross-entropy in nats per trained token on the fixed held-out set."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A model's answers to the items of a test set, item by item, so that methods can be compared on the same items.

    ``correct`` has a character for each item, in their order: ``1`` where the answer is right, else ``0``. ``tokens``
    has the number of tokens that were written for each; it is empty where the model chose between given answers.
    ``groups`` has a number for each item; items of one number belong together and are drawn together. It is empty
    where every item stands for itself. ``items`` is a digest of what was trained on and asked, where that is known.
    """

    correct: str
    tokens: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    items: str = ""

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct.count("1") / len(self.correct)
