from __future__ import annotations

import pytest
import torch

from ladderscope.errors import LadderscopeError
from ladderscope.tapcache.encoding import decode, encode


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_hold_what_a_backbone_of_sixteen_bits_gives(dtype: torch.dtype) -> None:
    taps = torch.randn(2, 3, 5, 8).to(dtype)
    stored, scales = encode(taps, dtype)
    assert scales is None
    assert torch.equal(decode(stored, scales), taps)


def test_eight_bits_are_off_by_half_a_step_at_most() -> None:
    taps = torch.randn(2, 3, 5, 8) * torch.tensor([1e-3, 1.0, 1e6])[:, None, None]
    stored, scales = encode(taps, torch.int8)
    assert scales is not None
    assert (stored.dtype, scales.shape) == (torch.int8, (2, 3, 5))
    assert ((decode(stored, scales) - taps).abs() <= scales[..., None] * 0.5001).all()


def test_a_token_of_zeros_stays_one() -> None:
    stored, scales = encode(torch.zeros(1, 1, 2, 8), torch.int8)
    assert torch.equal(decode(stored, scales), torch.zeros(1, 1, 2, 8))


def test_what_does_not_fit_is_refused_with_a_way_out() -> None:
    with pytest.raises(LadderscopeError, match="--dtype bf16, or --cache-bits 8"):
        encode(torch.tensor([1.0, 7e4]), torch.float16)
    with pytest.raises(LadderscopeError, match="not finite"):
        encode(torch.tensor([1.0, float("nan")]), torch.int8)
