"""How taps come down to the side width, and from where the side stream starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig, SideConfig
from ladderscope.methods.side.downsample import make_downsample, make_projection

HIDDEN, SIDE, RANK = 64, 16, 4
KINDS = ["frozen", "linear", "shared-linear", "lora", "adapter", "avg-pool", "max-pool"]


def downsampler(**settings: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    config = SideConfig(downsample_rank=RANK, **settings)
    return make_projection(config, HIDDEN, SIDE), make_downsample(config, HIDDEN, SIDE)


def side_network(model: Any) -> Any:
    return model.base_model.side_layer.network


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_brings_taps_to_the_side_width(kind: Any, norm: bool) -> None:
    projection, downsample = downsampler(downsample=kind, downsample_norm=norm)
    out = downsample(projection(torch.randn(2, 5, HIDDEN)))
    assert out.shape == (2, 5, SIDE)
    if norm:  # fresh: zero mean and unit variance over the channels
        torch.testing.assert_close(out.mean(-1), torch.zeros(2, 5), atol=1e-5, rtol=0)
        torch.testing.assert_close(out.var(-1, unbiased=False), torch.ones(2, 5), atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("frozen", SIDE * SIDE + SIDE),
        ("linear", HIDDEN * SIDE + SIDE),
        ("shared-linear", HIDDEN * SIDE + SIDE),
        ("lora", HIDDEN * RANK + RANK * SIDE),
        ("adapter", HIDDEN * RANK + RANK * SIDE),
        ("avg-pool", 0),
        ("max-pool", 0),
    ],
)
def test_trained_parameters_of_one_tap(kind: Any, parameters: int) -> None:
    projection, downsample = downsampler(downsample=kind)
    assert sum(p.numel() for p in downsample.parameters()) == parameters
    assert not list(projection.parameters())


def test_pools_are_over_groups_of_neighbouring_channels() -> None:
    hidden = torch.randn(2, 3, HIDDEN)
    groups = hidden.unflatten(-1, (SIDE, HIDDEN // SIDE))
    torch.testing.assert_close(downsampler(downsample="avg-pool")[0](hidden), groups.mean(-1))
    assert torch.equal(downsampler(downsample="max-pool")[0](hidden), groups.amax(-1))


def test_lora_is_linear_and_the_adapter_is_not() -> None:
    hidden = torch.randn(1, 2, HIDDEN)
    _, lora = downsampler(downsample="lora")
    _, adapter = downsampler(downsample="adapter")
    torch.testing.assert_close(lora(2 * hidden), 2 * lora(hidden))
    assert not torch.allclose(adapter(2 * hidden), 2 * adapter(hidden), rtol=1e-2)


def test_shared_linear_is_one_matrix_for_all_side_blocks_and_the_embeddings(tuned: Callable[..., Any]) -> None:
    network = side_network(tuned(LadderConfig, downsample="shared-linear", embedding_tap="own"))
    assert len({id(network.downsample_of(index)) for index in (-1, 0, 1, 2, 3)}) == 1
    assert sum(p.numel() for p in network.downsamples.parameters()) == 64 * 32 + 32


@pytest.mark.parametrize("kind", ["linear", "frozen", "avg-pool"])
class TestEmbeddingTap:
    def test_none_starts_the_stream_at_the_first_tap_without_a_gate(
        self, tuned: Callable[..., Any], kind: str
    ) -> None:
        network = side_network(tuned(LadderConfig, downsample=kind))
        assert network.taps == [0, 1, 2, 3]
        assert list(network.gates) == ["1", "2", "3"]
        assert list(network.downsamples) == ["0", "1", "2", "3"]

    def test_own_has_a_downsampler_and_the_first_block_a_gate(self, tuned: Callable[..., Any], kind: str) -> None:
        network = side_network(tuned(LadderConfig, downsample=kind, embedding_tap="own"))
        assert network.taps == [-1, 0, 1, 2, 3]
        assert list(network.gates) == ["0", "1", "2", "3"]
        assert network.downsample_of(-1) is not network.downsample_of(0)

    def test_shared_uses_the_first_blocks_downsampler_twice(self, tuned: Callable[..., Any], kind: str) -> None:
        network = side_network(tuned(LadderConfig, downsample=kind, embedding_tap="shared"))
        assert list(network.gates) == ["0", "1", "2", "3"]
        assert network.downsample_of(-1) is network.downsample_of(0)
        assert len(network.downsamples) == 4

    def test_the_embeddings_reach_the_output_only_where_they_are_tapped(
        self, tuned: Callable[..., Any], logits: Callable[..., Tensor], token_ids: Tensor, kind: str
    ) -> None:
        for choice in ("none", "own", "shared"):
            model = tuned(LadderConfig, downsample=kind, embedding_tap=choice, taps=[1, 3], output="replace")
            before = logits(model, token_ids)
            network = side_network(model)
            network.start = lambda projected, start=network.start: start(projected) + 1
            assert torch.equal(logits(model, token_ids), before) == (choice == "none")


@pytest.mark.parametrize(
    ("taps", "tap_map"),
    [
        ("all", [0, 1, 2, 3]),
        ("every:2", [1, 3]),
        ("every:3", [0, 3]),
        ("top:3", [1, 2, 3]),
        ([0, 0, 2], [0, 0, 2]),
        ([1, None, 3, None, None], [1, None, 3, None, None]),
    ],
)
def test_taps_feed_the_side_blocks_that_the_map_names(
    tuned: Callable[..., Any],
    train: Callable[..., list[float]],
    token_ids: Tensor,
    taps: Any,
    tap_map: list[int | None],
) -> None:
    model = tuned(LadderConfig, taps=taps)
    network = side_network(model)
    seen: list[tuple[int, int]] = []
    original = network.feed

    def feed(stream: Tensor | None, layer: int, *rest: Any) -> Any:
        seen.extend((layer, index) for index in network._side_blocks_of[layer])
        return original(stream, layer, *rest)

    network.feed = feed
    losses = train(model, token_ids, steps=3)
    assert network.tap_map == tap_map
    assert [index for _, index in seen[: len(tap_map)]] == list(range(len(tap_map)))
    assert [layer for layer, i in seen[: len(tap_map)] if tap_map[i] is not None] == [
        t for t in tap_map if t is not None
    ]
    assert losses[-1] < losses[0]


def test_a_tap_that_is_named_twice_is_projected_once_and_brought_down_twice(tuned: Callable[..., Any]) -> None:
    network = side_network(tuned(LadderConfig, taps=[0, 0, 2]))
    assert list(network.projections) == ["0", "2"]
    assert list(network.downsamples) == ["0", "1", "2"]


def test_every_k_counts_from_the_top() -> None:
    assert LadderConfig(taps="every:2").tap_map(5) == [0, 2, 4]
    assert LadderConfig(taps="every:4").tap_map(10) == [1, 5, 9]
    assert LadderConfig(taps="every:4").tap_map(4) == [3]
