"""What the lines of a run call its cells."""

from __future__ import annotations

import pytest

from ladderscope.records import Cell, run_labels

QLORA = {"model": "m", "method": "qlora", "rank": 8, "quantization": "nf4"}
LADDER = {"model": "m", "method": "ladder", "reduction_factor": 16}


def labels(*settings: dict[str, object]) -> list[str]:
    return run_labels([Cell(**one) for one in settings])  # type: ignore[arg-type]


def test_a_cell_among_its_like_has_its_label_alone() -> None:
    assert labels(QLORA, {**QLORA, "rank": 16}) == ["m qlora r=8 256 tokens", "m qlora r=16 256 tokens"]
    assert labels() == []


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"gradient_checkpointing": True}, ["", ", gradient checkpointing"]),
        ({"loss_impl": "chunked"}, [", loss impl full", ", loss impl chunked"]),
        ({"seed": 1}, [", seed 0", ", seed 1"]),
        ({"batch_size": 4, "lr": 0.1}, [", batch size 1, lr 0.001", ", batch size 4, lr 0.1"]),
    ],
)
def test_what_differs_within_a_method_is_named(change: dict[str, object], names: list[str]) -> None:
    assert labels(QLORA, {**QLORA, **change}) == [f"m qlora r=8 256 tokens{name}" for name in names]


def test_it_is_named_too_where_something_else_tells_the_cells_apart() -> None:
    longer = {**QLORA, "seq_len": 16384, "gradient_checkpointing": True}
    assert labels(QLORA, longer)[1] == "m qlora r=8 16384 tokens, gradient checkpointing"


def test_what_follows_from_the_method_is_not_named() -> None:
    assert labels({**QLORA, "lr": 1e-4}, LADDER) == ["m qlora r=8 256 tokens", "m ladder 1/16 256 tokens"]


def test_labels_of_different_cells_differ() -> None:
    changes: list[dict[str, object]] = [
        {},
        {"adapter_dtype": "bf16"},
        {"gradient_checkpointing": True},
        {"gradient_checkpointing": True, "loss_impl": "chunked"},
        {"settings": "gate=none"},
        {"settings": "side_width=8"},
        {"quantization": "nf4-dq"},
        {"parallel": "ddp", "num_gpus": 2},
    ]
    made = labels(*({**LADDER, **change} for change in changes))
    assert len(set(made)) == len(changes)
