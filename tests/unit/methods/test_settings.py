"""Settings of a method: text on the command line and in cells, fields of its PEFT config."""

from __future__ import annotations

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.methods import get_method
from ladderscope.methods.settings import canonical_settings, parse_settings
from ladderscope.records import Cell


def test_values_are_read_as_yaml() -> None:
    assert parse_settings("taps=[1,3,null] dropout=0.1 downsample=linear checkpoint_blocks=true") == {
        "taps": [1, 3, None],
        "dropout": 0.1,
        "downsample": "linear",
        "checkpoint_blocks": True,
    }


@pytest.mark.parametrize("text", ["gate", "gate=", "=none", "taps=[1,"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        parse_settings(text)


def test_one_choice_has_one_text() -> None:
    assert canonical_settings("gate=none  downsample=linear") == "downsample=linear gate=none"
    assert canonical_settings({"taps": [1, None], "gate": "none"}) == "gate=none taps=[1,null]"
    assert canonical_settings(None) == canonical_settings("") == ""
    assert canonical_settings(canonical_settings("taps=[1,null] dropout=0.5")) == "dropout=0.5 taps=[1,null]"


def test_they_reach_the_config() -> None:
    cell = Cell(model="a", method="ladder", reduction_factor=4, settings="downsample=linear taps=[1,3]")
    config = get_method("ladder").config(cell)  # type: ignore[misc]
    assert (config.downsample, config.taps, config.reduction_factor) == ("linear", [1, 3], 4)
    cell = Cell(model="a", method="lora", rank=4, settings="lora_alpha=32 use_rslora=true")
    config = get_method("lora").config(cell)  # type: ignore[misc]
    assert (config.r, config.lora_alpha, config.use_rslora) == (4, 32, True)


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        ("ladder", "downsmple=linear", "did you mean 'downsample'"),
        ("ladder", "downsample=mean", "must be one of"),
        ("ladder", "reduction_factor=4", "use --reduction"),
        ("ladder", "loss_impl=chunked", "use --loss-impl"),
        ("lora", "r=4", "use --rank"),
        ("lora", "inference_mode=true", "unknown setting"),
    ],
)
def test_what_the_config_does_not_take_is_refused(method: str, settings: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_method(method).config(  # type: ignore[misc]
            Cell(model="a", method=method, rank=4, reduction_factor=4, settings=settings)
        )


def test_an_unknown_setting_is_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError):
        get_method("qst").config(Cell(model="a", method="qst", settings="dwnsample=linear"))  # type: ignore[misc]
