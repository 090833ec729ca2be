"""Runs whose backbone runs over the data once."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.backbones.loading import load_backbone, load_tokenizer
from ladderscope.backbones.names import resolve_name
from ladderscope.errors import UsageError
from ladderscope.finetune import cached, run
from ladderscope.finetune.dataset import prepare_data
from ladderscope.finetune.evaluation import evaluation_loss
from ladderscope.finetune.run import train
from ladderscope.finetune.settings import TrainSettings, resolve_settings
from ladderscope.finetune.start import start_from_data
from ladderscope.tapcache import light

MakeSettings = Callable[..., TrainSettings]
MakeRecorder = Callable[..., Any]
CPU = torch.device("cpu")


@pytest.fixture
def taps(tmp_path: Path) -> str:
    return str(tmp_path / "taps")


@pytest.fixture
def ladder(settings: MakeSettings, tmp_path: Path) -> MakeSettings:
    """Makes the settings of a short Ladder run into the folder ``out``."""

    def make(out: str = "out", **values: Any) -> TrainSettings:
        defaults = {"method": "ladder", "batch_size": 2, "quantization": "none", "out": str(tmp_path / out)}
        return settings(**{**defaults, **values})

    return make


@pytest.fixture
def go(make_recorder: MakeRecorder) -> Callable[..., dict[str, Any]]:
    """Trains with a recorder of its own."""

    def begin(settings: TrainSettings, recorder: Any = None, **how: Any) -> dict[str, Any]:
        recorder = make_recorder() if recorder is None else recorder
        return train(settings, recorder, recorder.stop, **how)

    return begin


@pytest.fixture(scope="module")
def filled(tiny_folder: Path, sums_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of what :func:`ladder` trains on; not to be written to."""
    folder = tmp_path_factory.mktemp("filled")
    values = {"model": str(tiny_folder), "data": str(sums_file), "method": "ladder", "reduction": 2, "seq_len": 64}
    values |= {"dtype": "fp32", "quantization": "none", "steps": 1, "cache_taps": str(folder / "taps")}
    settings = resolve_settings({**values, "out": str(folder / "out")})
    train(settings, Silent(), threading.Event())
    return str(folder / "taps")


@pytest.fixture(scope="module")
def whole(tiny_folder: Path, sums_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What :func:`ladder` trains to without a cache."""
    values = {"model": str(tiny_folder), "data": str(sums_file), "method": "ladder", "reduction": 2, "seq_len": 64}
    values |= {"dtype": "fp32", "quantization": "none", "steps": 6, "save_every": 100, "batch_size": 2}
    settings = resolve_settings({**values, "rank": 4, "out": str(tmp_path_factory.mktemp("whole"))})
    return train(settings, Silent(), threading.Event())


class Silent:
    def step(self, step: int, total: int, loss: float) -> None: ...

    def evaluated(self, step: int, loss: float) -> None: ...

    def say(self, message: str) -> None: ...


@pytest.fixture
def model_folder(tiny_folder: Path, tmp_path: Path) -> Callable[..., str]:
    """A folder with a tiny model of another architecture, without dropout, and the tokenizer of the tiny Llama."""

    def make(architecture: str) -> str:
        folder = tmp_path / architecture
        shape = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 512}
        own = {"gpt2": {}, "gemma2": {"num_key_value_heads": 2, "intermediate_size": 128, "head_dim": 16}}
        torch.manual_seed(0)
        config = AutoConfig.for_model(architecture, **shape, **own[architecture], max_position_embeddings=128)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        for path in tiny_folder.glob("tokenizer*"):
            shutil.copy(path, folder)
        return str(folder)

    return make


def losses(values: dict[str, Any]) -> list[float]:
    return [each["loss"] for each in (*values["steps"], *values["evaluations"])]


# ---------------------------------------------------------------- the same training

CELLS: list[dict[str, Any]] = [
    {"settings": "basis=random", "loss_impl": "chunked"},
    {"settings": "downsample=avg-pool", "dtype": "bf16"},
    {"settings": "embedding_tap=own dropout=0.1 checkpoint_blocks=true"},
    {"settings": "init=pruned"},
    {"settings": "init=sliced"},
    {"method": "xladder", "gradient_accumulation": 2, "seed": 3},
    {"dtype": "bf16", "quantization": "nf4-dq"},
]
"""With :func:`whole`, every choice at least once."""


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_losses_are_those_of_training_with_the_backbone(
    cell: dict[str, Any], ladder: MakeSettings, go: Callable[..., Any], taps: str
) -> None:
    cell = {"steps": 4, **cell}
    whole = go(ladder("whole", **cell))
    assert len(set(losses(whole))) == len(losses(whole))  # it does learn
    ours = go(ladder("ours", cache_taps=taps, **cell))
    # fp16 taps of an fp32 backbone; of a bf16 backbone only the shape of the batches can make a difference
    assert losses(ours) == pytest.approx(losses(whole), rel=2e-3)
    assert ours["parameters"] == whole["parameters"]


def test_without_any_choice_they_are_too_and_eight_bits_are_close(
    whole: dict[str, Any], ladder: MakeSettings, go: Callable[..., Any], taps: str
) -> None:
    assert losses(go(ladder("ours", cache_taps=taps))) == pytest.approx(losses(whole), rel=2e-3)
    coarse = go(ladder("coarse", cache_taps=f"{taps}-coarse", cache_bits=8))
    assert losses(coarse) == pytest.approx(losses(whole), rel=1e-2)


def test_eight_bits_are_close_for_xladder(ladder: MakeSettings, go: Callable[..., Any], taps: str) -> None:
    coarse = go(ladder("coarse", cache_taps=taps, cache_bits=8, method="xladder"))
    assert losses(coarse) == pytest.approx(losses(go(ladder("whole", method="xladder"))), rel=1e-2)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2"])
def test_it_holds_for_other_architectures(
    architecture: str, ladder: MakeSettings, go: Callable[..., Any], taps: str, model_folder: Callable[..., str]
) -> None:
    model = model_folder(architecture)
    whole = go(ladder("whole", model=model))
    # Taps are kept in 16 bits, of which eight are digits.
    assert losses(go(ladder("ours", model=model, cache_taps=taps))) == pytest.approx(losses(whole), rel=5e-3)


@pytest.mark.parametrize("settings_text", ["", "init=pruned"])
def test_the_saved_adapter_works_on_the_whole_backbone(
    settings_text: str, ladder: MakeSettings, go: Callable[..., Any], taps: str
) -> None:
    ours = ladder(cache_taps=taps, settings=settings_text)
    done = go(ours)
    name = resolve_name(ours.cell.model)
    loaded = PeftModel.from_pretrained(load_backbone(name, torch.float32, "none", CPU, seed=5).model, ours.out)
    held_out = prepare_data(ours, load_tokenizer(name), CPU).held_out
    assert evaluation_loss(loaded, held_out) == pytest.approx(done["eval_loss"]["after"], rel=1e-4)
    assert loaded.peft_config["default"].init == (settings_text.removeprefix("init=") or "identity")


# ---------------------------------------------------------------- the backbone runs once


def test_a_second_run_does_not_load_the_blocks_and_gives_the_same(
    ladder: MakeSettings, go: Callable[..., Any], taps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = go(ladder("a", cache_taps=taps))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the backbone was loaded")

    monkeypatch.setattr(light, "load_backbone", refuse)
    monkeypatch.setattr(run, "load_backbone", refuse)
    assert losses(go(ladder("b", cache_taps=taps))) == losses(first)
    # what does not change the taps may change
    assert go(ladder("c", cache_taps=taps, lr=1e-3, seed=7, batch_size=4))["status"] == "finished"


def test_what_is_trained_holds_nothing_of_the_blocks(
    ladder: MakeSettings, go: Callable[..., Any], taps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[Any] = []
    original = cached._light_model

    def spy(*arguments: Any) -> Any:
        models.append(original(*arguments))
        return models[-1]

    monkeypatch.setattr(cached, "_light_model", spy)
    done = go(ladder(cache_taps=taps))
    ((model, _),) = models
    head_and_norm = 512 * 64 + 64
    assert (
        sum(parameter.numel() for parameter in model.parameters()) == head_and_norm + done["parameters"]["trainable"]
    )


def test_a_backbone_that_does_not_fit_is_run_from_the_disk(
    whole: dict[str, Any], ladder: MakeSettings, go: Callable[..., Any], taps: str
) -> None:
    ours = dataclasses.replace(ladder("ours", cache_taps=taps), max_memory={"cpu": 600_000})
    assert losses(go(ours)) == pytest.approx(losses(whole), rel=2e-3)
    assert not (Path(taps) / cached.OFFLOAD_FOLDER).exists()
    pruned = ladder("pruned", cache_taps=f"{taps}-pruned", settings="init=pruned")
    with pytest.raises(UsageError, match=r"does not fit into memory: .*--set init=default"):
        go(dataclasses.replace(pruned, max_memory={"cpu": 600_000}))


def test_principal_directions_come_from_the_data_once_also_without_a_cache(
    whole: dict[str, Any],
    ladder: MakeSettings,
    go: Callable[..., Any],
    make_recorder: MakeRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[object] = []
    original = start_from_data

    def spy(*arguments: Any) -> None:
        calls.append(arguments)
        original(*arguments)

    monkeypatch.setattr("ladderscope.finetune.run.start_from_data", spy)
    assert go(ladder(), make_recorder(stop_after=2))["status"] == "running"
    resumed = go(ladder())
    assert len(calls) == 1
    assert losses(resumed) == losses(whole)


# ---------------------------------------------------------------- interrupted, stale, refused


def test_an_interrupted_fill_and_an_interrupted_training_go_on(
    ladder: MakeSettings, go: Callable[..., Any], make_recorder: MakeRecorder, taps: str
) -> None:
    whole = go(ladder("whole", cache_taps=f"{taps}-whole"))
    recorder = make_recorder()
    recorder.stop.set()
    assert go(ladder(cache_taps=taps), recorder)["status"] == "running"
    assert not recorder.steps
    assert go(ladder(cache_taps=taps), make_recorder(stop_after=3))["status"] == "running"
    recorder = make_recorder()
    assert losses(go(ladder(cache_taps=taps), recorder)) == losses(whole)
    assert recorder.steps == [4, 5, 6]
    assert not any("cached" in line for line in recorder.messages)


@pytest.mark.parametrize(
    ("named", "values"),
    [
        ("data", {"eval_fraction": 0.2}),
        ("tokens", {"seq_len": 48}),
        ("taps", {"settings": "taps=top:2"}),
        ("downsample", {"settings": "downsample=avg-pool"}),
        ("basis", {"settings": "basis=random"}),
        ("side_width", {"reduction": 4}),
        ("init", {"settings": "init=pruned"}),
        ("dtype", {"dtype": "bf16"}),
        ("quantization", {"quantization": "nf4"}),
        ("bits", {"cache_bits": 8}),
    ],
)
def test_taps_of_something_else_are_refused(
    named: str, values: dict[str, Any], ladder: MakeSettings, go: Callable[..., Any], filled: str
) -> None:
    with pytest.raises(UsageError, match=rf"something else \(.*\b{named} was .*--refill"):
        go(ladder(cache_taps=filled, **values))


def test_taps_can_be_made_again_in_the_same_folder(
    ladder: MakeSettings, go: Callable[..., Any], filled: str, taps: str
) -> None:
    shutil.copytree(filled, taps)
    assert go(ladder(cache_taps=taps, seq_len=48, steps=1), refill=True)["status"] == "finished"
    with pytest.raises(UsageError, match="something else"):
        go(ladder("b", cache_taps=taps))


def test_edited_weights_are_noticed(
    ladder: MakeSettings, go: Callable[..., Any], taps: str, model_folder: Callable[..., str]
) -> None:
    model = model_folder("gpt2")
    go(ladder("a", model=model, cache_taps=taps))
    path = Path(model) / "model.safetensors"
    state = load_file(path)
    next(iter(state.values())).view(-1)[3] += 1
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(UsageError, match="weights was"):
        go(ladder("b", model=model, cache_taps=taps))


NARROW = "--set downsample=frozen, avg-pool or max-pool"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"method": "lora"}, "lora trains inside of the backbone.*--method ladder"),
        ({"method": "qlora"}, "qlora trains inside of the backbone"),
        ({"method": "full"}, "full trains inside of the backbone"),
        ({"method": "lst"}, f"lst with downsample=linear trains on whole taps.*{NARROW}"),
        ({"method": "qst"}, f"qst with downsample=adapter trains on whole taps.*{NARROW}"),
        ({"method": "ladder", "settings": "downsample=lora"}, NARROW),
        ({"method": "ladder", "cache_bits": 4}, "cache_bits must be 16 or 8, not 4"),
    ],
)
def test_what_cannot_be_cached_is_refused_before_anything_runs(
    values: dict[str, Any], sentence: str, settings: MakeSettings, taps: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        settings(cache_taps=taps, **values)
    assert not Path(taps).exists()


def test_a_run_with_a_cache_is_not_continued_with_other_bits(
    ladder: MakeSettings, go: Callable[..., Any], make_recorder: MakeRecorder, taps: str, tmp_path: Path
) -> None:
    go(ladder(cache_taps=taps), make_recorder(stop_after=2))
    with pytest.raises(UsageError, match="cache_bits was 16, now None"):
        go(ladder())
    # where the taps are is no part of what a run is
    shutil.move(taps, tmp_path / "moved")
    assert go(ladder(cache_taps=str(tmp_path / "moved")))["status"] == "finished"
