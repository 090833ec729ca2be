from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ladderscope.tapcache import key
from ladderscope.tapcache.key import differences, parameters_fingerprint, tokens_fingerprint, weights_fingerprint


def edit(folder: Path) -> None:
    (path,) = folder.glob("*.safetensors")
    state = load_file(path)
    name = next(iter(state))
    state[name].view(-1)[7] += 1
    save_file(state, path, metadata={"format": "pt"})


def test_weights_are_known_by_their_bytes_and_their_config(make_folder: Callable[..., Path]) -> None:
    folder = make_folder()
    before = weights_fingerprint(str(folder))
    assert weights_fingerprint(str(make_folder())) == before
    edit(folder)
    edited = weights_fingerprint(str(folder))
    (folder / "config.json").write_text((folder / "config.json").read_text().replace("1e-06", "1e-05"))
    assert len({before, edited, weights_fingerprint(str(folder))}) == 3


def test_large_files_are_sampled_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key, "WHOLE_BYTES", 1000)
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(2**20))
    before = weights_fingerprint(str(tmp_path))
    for place in (0, 2**19, 2**20 - 1):
        path.write_bytes(bytes(place) + b"x" + bytes(2**20 - place - 1))
        assert weights_fingerprint(str(tmp_path)) != before


def test_a_hub_model_is_known_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "snapshots" / "abc123" / "config.json"
    config.parent.mkdir(parents=True)
    config.touch()
    monkeypatch.setattr("transformers.utils.cached_file", lambda source, name: str(config))
    assert weights_fingerprint("some/model") == "commit abc123"


def test_every_token_and_every_end_of_row_counts() -> None:
    rows = [torch.tensor([1, 2, 3]), torch.tensor([4])]
    others = ([torch.tensor([1, 2]), torch.tensor([3, 4])], [torch.tensor([1, 2, 3]), torch.tensor([5])], rows[:1])
    assert len({tokens_fingerprint(each) for each in (rows, *others)}) == 4


def test_a_model_in_memory_is_known_by_its_frozen_weights(tuned: Callable[..., torch.nn.Module]) -> None:
    model = tuned()
    before = parameters_fingerprint(model)
    trained = next(parameter for parameter in model.parameters() if parameter.requires_grad)
    trained.data += 1
    assert parameters_fingerprint(model) == before
    frozen = next(parameter for parameter in model.parameters() if not parameter.requires_grad)
    frozen.data += 1
    assert parameters_fingerprint(model) != before


def test_differences_are_named() -> None:
    assert differences({"data": "a", "taps": (1, 2)}, {"data": "b", "taps": [1, 2]}) == ["data was b, now a"]
    assert differences({"data": "a"}, {"data": "a", "basis": "random"}) == ["basis was random, now None"]
