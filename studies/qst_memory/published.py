"""What the QST paper publishes (arXiv 2401.07159), in GB, and shares of trained parameters in percent."""

from __future__ import annotations

from dataclasses import dataclass

TABLE_1, TABLE_2, FIGURE_1A = "table 1", "table 2", "figure 1a"
SHAPES = {TABLE_1: (16, 512), TABLE_2: (4, 384), FIGURE_1A: (16, 384)}
"""Batch size and tokens."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published value: where it stands, model, method, GB in all, share of trained parameters in percent."""

    where: str
    model: str
    method: str
    gb: float
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """GB of weights, optimizer and activations, read off figure 1a."""

    weights: float
    optimizer: float
    activations: float


_TABLE_2 = {
    "opt-1.3b": (6.3, 3.2),
    "opt-2.7b": (10.1, 4.8),
    "opt-6.7b": (15.5, 7.2),
    "opt-13b": (25.4, 12.6),
    "opt-30b": (46.8, 25.7),
    "opt-66b": (87.5, 52.3),
    "llama-2-7b": (15.6, 7.3),
    "llama-2-13b": (25.4, 12.6),
    "llama-2-70b": (95.5, 56.0),
}
_TABLE_1 = (
    ("opt-1.3b", "qlora", 31.3, 4.41),
    ("opt-1.3b", "lst", 20.9, 2.39),
    ("opt-1.3b", "lora", 32.9, 2.36),
    ("opt-1.3b", "adapter", 32.5, 0.48),
    ("opt-1.3b", "qst", 17.7, 0.45),
    ("opt-2.7b", "qlora", 47.0, 3.57),
    ("opt-2.7b", "lst", 30.7, 2.39),
    ("opt-2.7b", "lora", 50.4, 1.90),
    ("opt-2.7b", "adapter", 49.9, 0.37),
    ("opt-2.7b", "qst", 24.4, 0.43),
    ("opt-6.7b", "qlora", 63.6, 2.33),
    ("opt-6.7b", "qst", 27.5, 0.42),
)
LARGEST = "llama-2-70b"
NAMED = "opt-6.7b"
"""The pair of table 1 that the abstract's factor of 2.3 is about."""
PARTS = {
    "full": Parts(140, 420, 197),
    "qlora": Parts(36, 13, 197),
    "lst": Parts(140, 24, 78),
    "qst": Parts(36, 4, 69),
}

PUBLISHED = (
    *(Published(TABLE_1, *row) for row in _TABLE_1),
    *(Published(TABLE_2, model, "qlora", gb) for model, (gb, _) in _TABLE_2.items()),
    *(Published(TABLE_2, model, "qst", gb) for model, (_, gb) in _TABLE_2.items()),
    *(
        Published(FIGURE_1A, LARGEST, method, parts.weights + parts.optimizer + parts.activations)
        for method, parts in PARTS.items()
    ),
)
