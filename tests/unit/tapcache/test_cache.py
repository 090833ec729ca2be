"""The cache from Python: filling, giving, what it refuses."""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from filelock import FileLock
from peft import get_peft_model
from torch import Tensor, nn

from ladderscope.backbones.names import BackboneName
from ladderscope.errors import UsageError
from ladderscope.methods.side import LadderConfig, LSTConfig, XLadderConfig
from ladderscope.tapcache import TapCache, hollow
from ladderscope.tapcache.fill import is_offloaded
from ladderscope.tapcache.light import load_for_filling
from ladderscope.tapcache.placement import MaxMemory

Tuned = Callable[..., Any]

CHOICES: list[tuple[Any, dict[str, Any]]] = [
    (LadderConfig, {}),
    (LadderConfig, {"basis": "random"}),
    (LadderConfig, {"downsample": "avg-pool"}),
    (LadderConfig, {"downsample": "max-pool", "embedding_tap": "own"}),
    (LadderConfig, {"taps": [1, None, 3], "embedding_tap": "shared", "output": "mix"}),
    (LadderConfig, {"side_block": "light", "gate": "vector", "init": "default"}),
    (LadderConfig, {"init": "sliced", "checkpoint_blocks": True}),
    (XLadderConfig, {}),
    (LSTConfig, {"downsample": "frozen"}),
]
ARCHITECTURES = ("llama", "gpt2", "gemma2")


def sample() -> list[Any]:
    """Every choice on a Llama in 16 bits, of all else a third; `make test-slow` runs the rest."""
    return [
        pytest.param(
            architecture,
            bits,
            *choice,
            marks=[] if (architecture, bits) == ("llama", 16) or (place + number) % 3 == 0 else pytest.mark.slow,
        )
        for number, choice in enumerate(CHOICES)
        for place, architecture in enumerate(ARCHITECTURES)
        for bits in (16, 8)
    ]


def loss_and_gradients(model: Any, ids: Tensor, taps: Any = None) -> tuple[float, dict[str, Tensor]]:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # GPT-2's side blocks have dropout
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return loss.item(), gradients


@pytest.mark.parametrize(("architecture", "bits", "make_config", "settings"), sample())
def test_on_cached_taps_a_hollow_model_has_the_same_loss_and_gradients(
    architecture: str,
    bits: int,
    make_config: Any,
    settings: dict[str, Any],
    tuned: Tuned,
    rows: list[Tensor],
    tmp_path: Path,
) -> None:
    model = tuned(architecture, make_config, **settings)
    expected = {}
    for numbers in ([4, 1], [6]):
        expected[(*numbers,)] = loss_and_gradients(model, torch.stack([rows[i] for i in numbers]))
    with TapCache.open(tmp_path / "taps", model, rows, bits=bits) as cache:
        cache.fill(model, rows)
        hollow(model, cache.block_output)
        for given, (loss, gradients) in expected.items():
            with cache.give(model, given):
                ours = loss_and_gradients(model, torch.stack([rows[i] for i in given]))
            # 16 bits keep 11 digits of an fp32 backbone's, 8 bits 7 of the largest channel's.
            assert ours[0] == pytest.approx(loss, rel=1e-4 if bits == 16 else 1e-3)
            assert ours[1].keys() == gradients.keys()
            error = torch.cat([(ours[1][name] - each).flatten() for name, each in gradients.items()]).norm()
            size = torch.cat([each.flatten() for each in gradients.values()]).norm()
            assert error <= (0.02 if bits == 16 else 0.1) * size


def test_a_sixteen_bit_backbone_loses_nothing(tuned: Tuned, rows: list[Tensor], tmp_path: Path) -> None:
    model = tuned(backbone=_backbone().bfloat16())
    ids = torch.stack(rows[:2])
    loss, gradients = loss_and_gradients(model, ids)
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows, batch_tokens=32)  # the same batch: products of other shapes round differently
        hollow(model)
        with cache.give(model, [0, 1]):
            cached_loss, cached_gradients = loss_and_gradients(model, ids)
    assert cached_loss == loss
    assert all(torch.equal(cached_gradients[name], each) for name, each in gradients.items())


def test_filling_goes_on_behind_the_rows_that_are_there(
    tuned: Tuned, rows: list[Tensor], tmp_path: Path, stop: threading.Event
) -> None:
    model = tuned()
    seen: list[tuple[int, ...]] = []
    decoder = model.get_base_model().get_decoder()

    def note(decoder: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        seen.extend(map(tuple, kwargs["input_ids"].tolist()))
        if len(seen) == 2:
            stop.set()

    decoder.register_forward_pre_hook(note, with_kwargs=True)
    said: list[str] = []
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows, said.append, stop, batch_tokens=16)
        assert (cache.rows_done, cache.is_complete) == (2, False)
        with pytest.raises(ValueError, match="2 of 7 rows"), cache.give(model, [0]):
            pass
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows, said.append, batch_tokens=48)
        cache.fill(model, rows, said.append)
        assert cache.is_complete
    assert seen == [tuple(row.tolist()) for row in rows]  # each once
    assert any("2 rows are there already" in line for line in said)


def test_a_cache_gives_later_models_the_projections_that_its_taps_were_made_with(
    tuned: Tuned, rows: list[Tensor], tmp_path: Path
) -> None:
    first = tuned(init="sliced")
    other = tuned(init="sliced")
    network = other.base_model.side_layer.network
    for tensor in (*network.projections.buffers(), *network.blocks.parameters(), *network.downsamples.parameters()):
        if tensor.is_floating_point():
            tensor.data += 1.0
    with TapCache.open(tmp_path / "taps", first, rows) as cache:
        cache.fill(first, rows)
    with TapCache.open(tmp_path / "taps", other, rows) as cache:
        cache.fill(other, rows)
    state = first.base_model.side_layer.network.state_dict()
    for name, value in network.state_dict().items():
        if not name.startswith("output."):
            assert torch.equal(value, state[name]), name


def test_the_size_that_is_said_is_the_size_on_the_disk(tuned: Tuned, rows: list[Tensor], tmp_path: Path) -> None:
    model = tuned()
    said: list[str] = []

    def say(line: str) -> None:
        if not said:
            assert not list((tmp_path / "taps").glob("*.bin"))  # before anything is written
        said.append(line)

    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows, say)
    on_disk = sum(path.stat().st_size for path in (tmp_path / "taps").glob("*.bin"))
    assert f"({on_disk} bytes;" in said[0]
    # 98 tokens, 4 taps of 32 channels in fp16 and 64 channels in fp32
    assert on_disk == 98 * (4 * 32 * 2 + 64 * 4)
    assert said[-1] == "cached 7/7 rows, 0:00 left"


def test_without_room_nothing_is_written(
    tuned: Tuned, rows: list[Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tuned()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=98 * 512 - 1))
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        with pytest.raises(UsageError, match=r"need 0\.00 GiB more in .*, where 0\.00 GiB are free: choose a folder"):
            cache.fill(model, rows)
        assert cache.rows_done == 0
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=98 * 512))
        cache.fill(model, rows)
        assert cache.is_complete


@pytest.mark.parametrize("change", ["rows", "taps", "weights", "bits", "downsample"])
def test_taps_of_something_else_are_refused_until_they_are_made_again(
    change: str, tuned: Tuned, rows: list[Tensor], tmp_path: Path
) -> None:
    model = tuned()
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows)
    settings = {"taps": {"taps": "top:2"}, "downsample": {"downsample": "avg-pool"}}.get(change, {})
    other, bits = tuned(**settings), 16
    if change == "rows":
        rows = [*rows[:-1], rows[-1] + 1]
    elif change == "bits":
        bits = 8
    elif change == "weights":
        next(parameter for parameter in other.parameters() if not parameter.requires_grad).data += 1
    named = {"rows": "data"}.get(change, change)
    cache = TapCache.open(tmp_path / "taps", other, rows, bits=bits)
    with pytest.raises(UsageError, match=rf"something else \({named} was .*--refill"), cache:
        pass
    with TapCache.open(tmp_path / "taps", other, rows, bits=bits, refill=True) as cache:
        assert cache.rows_done == 0
        cache.fill(other, rows)
        assert cache.is_complete
    on_disk = sum(path.stat().st_size for path in (tmp_path / "taps").glob("*.bin"))
    assert on_disk == cache.layout.total_bytes()


def test_a_folder_of_something_else_is_left_alone(tuned: Tuned, rows: list[Tensor], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    for refill in (False, True):
        with (
            pytest.raises(UsageError, match="no cache of taps"),
            TapCache.open(tmp_path, tuned(), rows, refill=refill),
        ):
            pass
    assert {path.name for path in tmp_path.iterdir()} <= {"thesis.txt", ".lock"}


def test_two_processes_do_not_fill_the_same_cache(tuned: Tuned, rows: list[Tensor], tmp_path: Path) -> None:
    model = tuned()
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        with FileLock(tmp_path / "taps" / ".lock"), pytest.raises(UsageError, match="another run is filling"):
            cache.fill(model, rows)
        cache.fill(model, rows)


def test_whole_taps_and_taps_without_directions_are_refused(tuned: Tuned, rows: list[Tensor], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"downsample=linear .* use downsample=frozen"):
        TapCache.open(tmp_path / "a", tuned(downsample="linear"), rows)
    model = tuned()
    for projection in model.base_model.side_layer.network.projections.values():
        projection.load_state_dict({**projection.state_dict(), "fitted": torch.tensor(False)})
    with TapCache.open(tmp_path / "b", model, rows) as cache, pytest.raises(ValueError, match="calibrate"):
        cache.fill(model, rows)
    with pytest.raises(ValueError, match="16 or 8 bits, not 4"):
        TapCache.open(tmp_path / "c", model, rows, bits=4)


# ---------------------------------------------------------------- what is left, and where it comes from


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_hollow_model_holds_head_norm_and_side_network(architecture: str, tied: bool, tuned: Tuned) -> None:
    model = tuned(architecture, backbone=_backbone(architecture, tie_word_embeddings=tied))
    base = model.get_base_model()
    before = {name: value.clone() for name, value in _adapter_state(model).items()}
    side = model.base_model.side_layer
    kept = [*base.lm_head.parameters(), *side.base_layer.parameters(), *side.network.parameters()]
    hollow(model)
    assert sum(p.nbytes for p in model.parameters()) == sum(p.nbytes for p in kept)
    assert _adapter_state(model).keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in _adapter_state(model).items())


def test_a_decoder_whose_blocks_give_tuples_still_gets_them(tuned: Tuned, rows: list[Tensor], tmp_path: Path) -> None:
    backbone = _backbone()
    for block in backbone.model.layers:
        block.forward = _GivesTuple(block.forward)
    backbone.model.forward = _takes_tuples(backbone.model)
    model = tuned(backbone=backbone)
    expected = loss_and_gradients(model, torch.stack(rows[:2]))[0]
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows)
        assert cache.block_output == 2
        hollow(model, cache.block_output)
        with cache.give(model, [0, 1]):
            assert loss_and_gradients(model, torch.stack(rows[:2]))[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_backbone_that_is_run_from_the_disk_fills_the_same_files(
    architecture: str, tuned: Tuned, rows: list[Tensor], tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    name, files = BackboneName("folder", str(make_folder(architecture))), {}
    limits: dict[str, MaxMemory | None] = {"memory": None, "disk": {"cpu": 600_000}}
    for place, memory in limits.items():
        backbone = load_for_filling(name, torch.float32, "none", torch.device("cpu"), tmp_path / "offload", memory)
        model = tuned(backbone=backbone)
        assert is_offloaded(model) is (place == "disk")
        with TapCache.open(tmp_path / place, model, rows) as cache:
            cache.fill(model, rows)
        files[place] = [path.read_bytes() for path in sorted((tmp_path / place).glob("*.bin"))]
    assert files["memory"] == files["disk"]
    assert len(files["disk"]) == 2


class _GivesTuple:
    def __init__(self, forward: Any) -> None:
        self.forward = forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs), None


def _takes_tuples(decoder: Any) -> Any:
    """The decoder's forward with blocks that are asked for the first of what they give."""
    original = type(decoder).forward

    class First(nn.Module):
        def __init__(self, block: nn.Module) -> None:
            super().__init__()
            self.block = block

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            output = self.block(*args, **kwargs)
            assert isinstance(output, tuple)
            return output[0]

    def forward(*args: Any, **kwargs: Any) -> Any:
        blocks = decoder.layers
        decoder.layers = nn.ModuleList(map(First, blocks))
        try:
            return original(decoder, *args, **kwargs)
        finally:
            decoder.layers = blocks

    return forward


def _backbone(architecture: str = "llama", **settings: Any) -> Any:
    from tests.unit.tapcache.conftest import make_backbone

    return make_backbone(architecture, **settings)


def _adapter_state(model: Any) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    state: dict[str, Tensor] = copy.copy(get_peft_model_state_dict(model))
    return state


def test_without_taps_a_hollow_model_refuses_to_run(tmp_path: Path, tiny_model: Callable[..., Any]) -> None:
    model = get_peft_model(tiny_model(), LadderConfig(reduction_factor=2, basis="random", task_type="CAUSAL_LM"))
    rows = [torch.arange(3, 11), torch.arange(4, 12)]
    with TapCache.open(tmp_path / "taps", model, rows) as cache:
        cache.fill(model, rows)
        hollow(model)
        with cache.give(model, [0, 1]):
            assert torch.isfinite(model(input_ids=torch.stack(rows)).logits).all()
    with pytest.raises(RuntimeError, match=r"TapCache\.give"):
        model(input_ids=torch.stack(rows))
