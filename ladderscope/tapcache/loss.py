"""The training loss on cached taps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ladderscope.methods.side.calibration import find_side_layer, unwrapped
from ladderscope.tapcache.cache import TapCache
from ladderscope.training.batches import Batch, NumberedBatch
from ladderscope.training.logit_rule import checked_rule
from ladderscope.training.loss import LossFunction, chunked_loss


class CachedLoss:
    """A loss function for :class:`NumberedBatch` that takes the backbone's part from a cache.

    Args:
        cache: complete.
        loss: what computes the loss.
    """

    def __init__(self, cache: TapCache, loss: LossFunction) -> None:
        self._cache = cache
        self._loss = loss

    def __call__(self, model: Any, batch: Batch) -> Tensor:
        """Sum of the token losses of a batch, in nats."""
        assert isinstance(batch, NumberedBatch)
        layer = find_side_layer(model)
        taps = self._cache.read(batch.rows.tolist(), batch.input_ids.device)
        if self._loss is chunked_loss or layer.network.config.loss_impl == "chunked":
            # It looks at a few tokens first, which must find taps of their number.
            few = batch.input_ids[:1, :4]
            with layer.lockstep.give({index: tap[:1, : few.shape[1]] for index, tap in taps.items()}):
                checked_rule(unwrapped(model), few)
        with layer.lockstep.give(taps):
            return self._loss(model, batch)
