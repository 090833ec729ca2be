"""The training loss on cached taps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ladderscope.methods.side.calibration import find_side_layer
from ladderscope.tapcache.cache import TapCache
from ladderscope.training.batches import Batch, NumberedBatch
from ladderscope.training.loss import LossFunction


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
        taps = self._cache.read(batch.rows.tolist(), batch.input_ids.device)
        with find_side_layer(model).lockstep.give(taps):
            return self._loss(model, batch)
