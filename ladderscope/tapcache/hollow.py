"""Takes the blocks out of a decoder, but leaves its own code to make masks and positions and to call hooks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.calibration import find_side_layer, unwrapped
from ladderscope.methods.side.layer import SideLayer
from ladderscope.methods.side.structure import find_decoder


def hollow(model: Any, block_output: int | None = None) -> None:
    """Replace the blocks and embeddings of a backbone by stand-ins without weights, in place.

    What is left are head, final norm and side network; a head that shares its weight with the embeddings keeps it.
    The model then runs on taps that are given to it (:meth:`TapCache.give`), and on nothing else. What is saved of
    its adapter is whole.

    Args:
        model: a backbone with a side network, from ``get_peft_model``.
        block_output: length of the tuple that a block gives; None where it gives the hidden state alone.
    """
    layer, base = find_side_layer(model), unwrapped(model)
    parts = find_decoder(base)
    model.base_model.stop_watching()
    embeddings = _embeddings(base, parts.decoder, parts.blocks)
    for index, block in enumerate(parts.blocks):
        parts.blocks[index] = _PassOn(block, block_output, layer)
    for parent, name, embedding in embeddings:
        setattr(parent, name, _Zeros(embedding))
    layer.lockstep.watch(parts)


class _PassOn(nn.Module):
    """Stands for a block: gives the hidden state that it is given."""

    def __init__(self, block: nn.Module, output_length: int | None, layer: SideLayer) -> None:
        super().__init__()
        # Some decoders ask their blocks for the kind of attention, to choose a mask.
        plain = {
            name: value
            for name, value in vars(block).items()
            if isinstance(value, str | int | float | None) and not name.startswith("_") and name != "training"
        }
        vars(self).update(plain)
        self._output_length = output_length
        self._layers = (layer,)  # in a tuple, so that it is no module of this one

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The hidden state (B, T, H), alone or first in a tuple.

        Raises:
            RuntimeError: no taps are given, so there is nothing to compute from.
        """
        (layer,) = self._layers
        if not (layer.is_active and layer.lockstep.is_given):
            raise RuntimeError(
                "the backbone of this model was taken out: run it inside TapCache.give(), or load the saved adapter "
                "on a whole backbone"
            )
        if self._output_length is None:
            return hidden_states
        return (hidden_states, *[None] * (self._output_length - 1))


class _Zeros(nn.Module):
    """Stands for an embedding."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = embedding.num_embeddings, embedding.embedding_dim
        self._dtype = embedding.weight.dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Zeros (..., H)."""
        return torch.zeros(*ids.shape, self.embedding_dim, dtype=self._dtype, device=ids.device)


def _embeddings(base: Any, decoder: nn.Module, blocks: nn.ModuleList) -> list[tuple[nn.Module, str, nn.Embedding]]:
    """The input embeddings, and others of the decoder that are called with ids alone."""
    of_tokens, in_blocks = base.get_input_embeddings(), set(blocks.modules())
    return [
        (parent, name, child)
        for parent in decoder.modules()
        if parent not in in_blocks
        for name, child in parent.named_children()
        if isinstance(child, nn.Embedding) and (child is of_tokens or type(child).forward is nn.Embedding.forward)
    ]
