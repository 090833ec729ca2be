"""Taps of a frozen backbone kept on disk, so that later epochs train the side network without the backbone.

A frozen backbone gives the same hidden states in every epoch. It runs once over the rows; its taps, brought down to
the side network's width, and its last hidden state go to files that are mapped into memory. From then on only head,
final norm and side network are needed::

    model = get_peft_model(backbone, LadderConfig())
    calibrate(model, batches)                       # principal directions are needed before taps are projected
    rows = [torch.tensor(ids) for ids in tokenised] # (T,) each
    with TapCache.open("taps/", model, rows) as cache:
        cache.fill(model, rows)                     # goes on where an earlier process stopped
        hollow(model)                               # lets go of the backbone's blocks
        for numbers in batches_of_row_numbers:
            ids = torch.stack([rows[number] for number in numbers])
            with cache.give(model, numbers):
                model(input_ids=ids, labels=ids).loss.backward()
            ...

The rows of one batch must have the same length. Rows that are padded on the right work as they are: what follows a
token does not reach it. ``ladderscope train --cache-taps`` does all of this.
"""

from ladderscope.tapcache.cache import TapCache
from ladderscope.tapcache.hollow import hollow

__all__ = ["TapCache", "hollow"]
