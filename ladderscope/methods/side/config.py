"""The choices of a side network, as a PEFT config. The published combinations are in ``presets``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from peft import PeftConfig

from ladderscope import __version__
from ladderscope.methods.side.card import add_loading_note
from ladderscope.methods.side.taps import TapMap, Taps, check_taps, resolve_taps

Downsample = Literal["frozen", "linear", "shared-linear", "lora", "adapter", "avg-pool", "max-pool"]
Basis = Literal["principal", "random"]
TapStorage = Literal["full", "int8", "pooled"]
Gate = Literal["none", "scalar", "vector"]
EmbeddingTap = Literal["none", "own", "shared"]
SideBlock = Literal["backbone", "light"]
Output = Literal["add", "mix", "replace"]
Init = Literal["default", "identity", "orthogonal", "xavier", "he", "pruned", "sliced"]
Importance = Literal["magnitude", "fisher"]
LossImpl = Literal["full", "chunked"]
SideDtype = Literal["float32", "bfloat16", "float16"]

TRAINED_ON_TAPS = ("linear", "shared-linear", "lora", "adapter")
"""Downsamplers with a trained matrix of the backbone's width: they keep the tap for its gradient."""


@dataclass
class SideConfig(PeftConfig):
    """What all side networks share.

    A side network is a small transformer beside a frozen backbone. Some of its blocks receive a *tap*, the output of
    a backbone block brought down to the side width W = hidden size / ``reduction_factor``; the others are *free*.
    What it computes is projected up and joined with the backbone's output.

    Args:
        reduction_factor: backbone width over side width. Must divide the hidden size, and for blocks like the
            backbone's leave every head an even number of channels.
        taps: ``"all"``; ``"every:K"``, the last of every K blocks; ``"top:K"``, the last K; or the map itself: for
            every side block the backbone block that feeds it, never falling, None for a free block.
        embedding_tap: the side stream starts from the embeddings, through a downsampler of its ``"own"`` or the one
            ``"shared"`` with the first side block; with ``"none"`` it starts at the first tap.
        downsample: how a tap (B, T, H) is brought to (B, T, W). ``"linear"``: a trained matrix per side block.
            ``"shared-linear"``: one for all. ``"lora"``: two trained matrices with ``downsample_rank`` between.
            ``"adapter"``: the same with SiLU between (QST). ``"avg-pool"``, ``"max-pool"``: over groups of
            neighbouring channels, nothing trained. ``"frozen"``: a fixed ``basis``, then a small trained matrix.
            What is trained on the full width keeps it for backward; frozen and pooled taps keep W channels at most.
        downsample_rank: of ``"lora"`` and ``"adapter"``.
        downsample_norm: a LayerNorm after the downsampler (QST's released code).
        basis: of ``"frozen"``. ``"principal"``: the leading principal directions of each tap, centred and each
            divided by its standard deviation, found by :func:`~ladderscope.methods.side.calibrate`, or else from the
            first training batch. ``"random"``: one orthonormal matrix for all taps, after a root-mean-square norm.
        tap_storage: how a trained linear tap keeps its input for the weight gradient: ``"full"``, ``"int8"`` (the
            gradient is off by about 1%), or ``"pooled"`` (means of four neighbouring channels: a rough
            approximation). Forward is the same with all three.
        gate: how a tap joins the side stream. ``"scalar"``: ``g * stream + (1 - g) * tap`` with
            ``g = sigmoid(logit / gate_temperature)`` (LST, QST). ``"vector"``: the same per channel (QST's released
            code). ``"none"``: their sum.
        gate_temperature: divisor of the gate's logit.
        gate_init: the logit at the start; 0 is one half.
        side_block: ``"backbone"``, the backbone's own block class at the side's width, so that norms, positions,
            grouped heads and activations follow the architecture; or ``"light"``, as in the authors' prototype of
            Ladder: one head, no norm, no positions, a ReLU feed-forward of four times the width.
        side_width: W itself, in place of ``reduction_factor``.
        side_ffn_width: feed-forward width of the side blocks; None scales the backbone's.
        output: ``"add"``: a projection that starts at zero, added to the last hidden state before the final norm.
            ``"mix"``: ``alpha * normed + (1 - alpha) * side`` after the final norm, alpha trained from 1 (QST).
            ``"replace"``: the side network's output alone (LST). The first two start as the backbone, bit for bit.
        output_gain: what the norm before the up-projection starts with. Under Adam, a gain of g teaches the projection
            g times as fast as the rest, whatever the size of its gradient.
        init: of the side blocks. ``"default"``: what the block's class makes, torch's uniform start of linear layers
            in most architectures. ``"identity"``: the same, but what writes to the stream starts at zero, so that
            every block starts by passing it on. ``"orthogonal"``, ``"xavier"`` (uniform), ``"he"`` (normal): of their
            matrices. ``"pruned"``: channels of the backbone's block, chosen by ``importance`` (LST). ``"sliced"``:
            the backbone's block in the principal basis of its tap, in the manner of SliceGPT; needs
            ``downsample="frozen"`` with the principal basis.
        importance: of ``init="pruned"``: ``"magnitude"``, or ``"fisher"``, which needs
            :func:`~ladderscope.methods.side.calibrate` with labelled batches and an unquantised backbone.
        dropout: on taps and on the side network's output.
        side_dtype: of the side network; None is PEFT's habit, float32 beside a half-precision backbone.
        checkpoint_blocks: recompute the side blocks in backward. They are small, so it costs little.
        backbone_chunk_tokens: run the frozen feed-forwards in chunks of so many tokens, to bound their temporaries
            at long sequences; None runs them whole. Chunks may differ from whole in the last bit.
        loss_impl: ``"chunked"`` computes the loss a piece of the sequence at a time, without logits in the output,
            where labels are given; ``"full"`` leaves the model's own.
        target_modules: the final norm of the decoder, where the side network's output joins. Found by structure
            where it is None; there is no reason to set it by hand.
        modules_to_save: modules behind the decoder to train and save, such as a classification head.
    """

    TYPE: ClassVar[str] = ""

    reduction_factor: int = 8
    taps: Taps = "all"
    embedding_tap: EmbeddingTap = "none"
    downsample: Downsample = "frozen"
    downsample_rank: int = 16
    downsample_norm: bool = False
    basis: Basis = "principal"
    tap_storage: TapStorage = "full"
    gate: Gate = "scalar"
    gate_temperature: float = 0.1
    gate_init: float = 0.0
    side_block: SideBlock = "backbone"
    side_width: int | None = None
    side_ffn_width: int | None = None
    output: Output = "add"
    output_gain: float = 1.0
    init: Init = "default"
    importance: Importance = "magnitude"
    dropout: float = 0.0
    side_dtype: SideDtype | None = None
    checkpoint_blocks: bool = False
    backbone_chunk_tokens: int | None = None
    loss_impl: LossImpl = "full"
    target_modules: set[str] | list[str] | None = None
    modules_to_save: list[str] | None = None
    ladderscope_version: str = __version__

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = self.TYPE
        _check_choices(self)
        _check_numbers(self)
        _check_combinations(self)
        check_taps(self.taps)

    def save_pretrained(self, save_directory: str, **kwargs: Any) -> None:
        """Save as PEFT does, and say in the model card next to it what loading needs."""
        super().save_pretrained(save_directory, **kwargs)
        add_loading_note(Path(save_directory), self.TYPE)

    def tap_map(self, num_layers: int) -> TapMap:
        """For every side block in order, the index of the backbone block that feeds it, or None for a free block.

        Raises:
            ValueError: a tap beyond the last backbone block.
        """
        return resolve_taps(self.taps, num_layers)


_CHOICES: dict[str, Any] = {
    "embedding_tap": EmbeddingTap,
    "downsample": Downsample,
    "basis": Basis,
    "tap_storage": TapStorage,
    "gate": Gate,
    "side_block": SideBlock,
    "output": Output,
    "init": Init,
    "importance": Importance,
    "loss_impl": LossImpl,
}
_AT_LEAST_ONE = ("reduction_factor", "downsample_rank", "side_width", "side_ffn_width", "backbone_chunk_tokens")
_SWITCHES = ("downsample_norm", "checkpoint_blocks")


def _check_choices(config: SideConfig) -> None:
    for name, literal in _CHOICES.items():
        if getattr(config, name) not in get_args(literal):
            raise ValueError(f"{name} must be one of {', '.join(get_args(literal))}, not {getattr(config, name)!r}")
    if config.side_dtype is not None and config.side_dtype not in get_args(SideDtype):
        raise ValueError(f"side_dtype must be one of {', '.join(get_args(SideDtype))}, not {config.side_dtype!r}")


def _check_numbers(config: SideConfig) -> None:
    for name in _AT_LEAST_ONE:
        value = getattr(config, name)
        if value is not None and not is_count(value):
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    for name in _SWITCHES:
        if not isinstance(getattr(config, name), bool):
            raise ValueError(f"{name} must be True or False, not {getattr(config, name)!r}")
    if not (_is_finite(config.gate_temperature) and config.gate_temperature > 0):
        raise ValueError(f"gate_temperature must be a positive number, not {config.gate_temperature!r}")
    if not (_is_finite(config.output_gain) and config.output_gain > 0):
        raise ValueError(f"output_gain must be a positive number, not {config.output_gain!r}")
    if not _is_finite(config.gate_init):
        raise ValueError(f"gate_init must be a finite number, not {config.gate_init!r}")
    if not (_is_finite(config.dropout) and 0 <= config.dropout < 1):
        raise ValueError(f"dropout must be a number of at least 0 and below 1, not {config.dropout!r}")


def is_count(value: object) -> bool:
    """Whether ``value`` is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _check_combinations(config: SideConfig) -> None:
    if config.tap_storage != "full" and config.downsample not in TRAINED_ON_TAPS:
        raise ValueError(
            f"tap_storage={config.tap_storage!r} is for downsample={' or '.join(map(repr, TRAINED_ON_TAPS))}: "
            f"{config.downsample!r} keeps the narrow tap only as it is"
        )
    principal = config.downsample == "frozen" and config.basis == "principal"
    if config.init == "sliced" and not principal:
        raise ValueError("init='sliced' needs downsample='frozen' with basis='principal'")
    if config.init in ("pruned", "sliced") and config.side_block == "light":
        raise ValueError(f"init={config.init!r} copies backbone blocks: it needs side_block='backbone'")
