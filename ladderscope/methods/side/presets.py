"""The published side networks, as combinations of the choices in ``config``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ladderscope.methods.side.config import (
    Downsample,
    EmbeddingTap,
    Init,
    Output,
    SideConfig,
    is_count,
)
from ladderscope.methods.side.taps import TapMap


@dataclass
class LSTConfig(SideConfig):
    """LST, Ladder Side-Tuning (Sung, Cho and Bansal 2022, arXiv 2206.06522), for decoder-only models.

    As published: reduction 8, a trained projection per tap and one for the embeddings, a scalar gate with temperature
    0.1, and the side network alone predicts. Its blocks start as pruned backbone blocks; the paper chooses the
    channels by Fisher information, which needs data and full gradients, so ``importance`` is the magnitude here
    unless asked for.
    """

    TYPE: ClassVar[str] = "LST"

    downsample: Downsample = "linear"
    embedding_tap: EmbeddingTap = "own"
    output: Output = "replace"
    init: Init = "pruned"


@dataclass
class QSTConfig(SideConfig):
    """QST, Quantized Side Tuning (Zhang et al. 2024, arXiv 2401.07159).

    As published: reduction 16, adapter downsamplers of rank 16 with a LayerNorm behind, a scalar gate that starts at
    one half, the embeddings through the first downsampler, and ``alpha`` mixing backbone and side network from 1.
    Gate and alpha follow the paper; the released code has vectors instead, of which alpha never trains.
    """

    TYPE: ClassVar[str] = "QST"

    reduction_factor: int = 16
    downsample: Downsample = "adapter"
    downsample_norm: bool = True
    embedding_tap: EmbeddingTap = "shared"
    gate_temperature: float = 1.0
    output: Output = "mix"


@dataclass
class LadderConfig(SideConfig):
    """Ladder (Zheng et al. 2025, arXiv 2512.14237): one side block beside every tapped backbone block.

    The paper leaves width, gate and initialisation open and projects taps with a trained matrix
    (``downsample="linear"``). The defaults here were chosen by measurement (SmolLM2-135M, maths problems, 60 steps of
    512 tokens): frozen principal taps, which learn better than trained ones and keep a fraction of their bytes for
    backward; side blocks that start as the identity; an up-projection that learns eight times as fast as the rest.
    """

    TYPE: ClassVar[str] = "LADDER"

    init: Init = "identity"
    output_gain: float = 8.0

    @classmethod
    def lean(cls, **settings: Any) -> Self:
        """The least memory at any length: narrow taps, recomputed side blocks, feed-forwards and loss in chunks.

        Args:
            settings: fields of the config, over those of this preset.
        """
        lean = {"reduction_factor": 16, "checkpoint_blocks": True, "backbone_chunk_tokens": 2048}
        return cls(**{**lean, "loss_impl": "chunked", **settings})


@dataclass
class XLadderConfig(LadderConfig):
    """xLadder (arXiv 2512.14237): the top ``delta`` backbone blocks feed as many side blocks; free ones follow.

    The effective depth is the backbone's plus ``delta``, counted as the papers do: a side block is as deep as the
    backbone block that feeds it. (The longest path is one block longer, with all methods of the family: what feeds a
    side block is the output of a backbone block.) With the default, half of the backbone's depth, there are as many
    side blocks as Ladder has, so the two have nearly the same number of parameters.

    Args:
        delta: number of tapped blocks, and of free blocks after them; None means half of the backbone's depth.
        match_params: a number of trainable parameters, or another side network's config whose number is meant:
            widths are then chosen so that this network has as many, within 2%. Takes the place of
            ``reduction_factor``.
    """

    TYPE: ClassVar[str] = "XLADDER"

    delta: int | None = None
    match_params: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delta is not None and not is_count(self.delta):
            raise ValueError(f"delta must be a whole number of at least 1, not {self.delta!r}")
        if self.match_params is not None and not (is_count(self.match_params) or _is_sized(self.match_params)):
            raise ValueError(
                "match_params must be a number of trainable parameters or the config of a side network without "
                f"match_params of its own, not {self.match_params!r}"
            )
        if self.taps != "all":
            raise ValueError("xLadder's taps follow from delta: use LadderConfig for another map")

    def tap_map(self, num_layers: int) -> TapMap:
        """``delta`` taps at the top of the backbone, then ``delta`` free blocks.

        Raises:
            ValueError: ``delta`` is larger than the number of backbone blocks.
        """
        delta = self.delta if self.delta is not None else max(1, num_layers // 2)
        if delta > num_layers:
            raise ValueError(f"delta {delta} is larger than the number of backbone blocks, {num_layers}")
        return [*range(num_layers - delta, num_layers), *[None] * delta]


def _is_sized(config: object) -> bool:
    return isinstance(config, SideConfig) and getattr(config, "match_params", None) is None
