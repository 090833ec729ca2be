"""Settings from defaults, YAML and flags, and what is refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.finetune.settings import TrainSettings, read_config, resolve_settings

MakeSettings = Callable[..., TrainSettings]


def test_defaults_are_one_epoch_at_a_constant_rate(tiny_folder: Path) -> None:
    settings = resolve_settings({"model": str(tiny_folder), "out": "adapter", "reduction": 2})
    assert (settings.epochs, settings.steps, settings.schedule) == (1, None, "constant")
    assert (settings.cell.method, settings.cell.reduction_factor, settings.cell.data) == ("ladder", 2, "gsm-symbolic")


def test_a_flag_beats_the_file(tmp_path: Path, tiny_folder: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(f"model: {tiny_folder}\nmethod: lora\nseq-len: 32\nlr: 1e-3\nepochs: 3\nout: from-file\n")
    settings = resolve_settings(read_config(path), {"seq_len": 64, "steps": 5})
    assert (settings.cell.seq_len, settings.cell.lr, settings.out) == (64, 1e-3, Path("from-file"))
    assert (settings.epochs, settings.steps) == (None, 5)


def test_reduction_factor_is_a_name_of_reduction(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("reduction_factor: 4")
    assert read_config(path) == {"reduction": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bach-size: 4", "unknown setting 'bach-size': did you mean 'batch-size'?"),
        ("generate: 4", "unknown setting 'generate'"),
        ("lr: [1e-3, 1e-4]", "training takes one value, not a grid"),
        ("- method", "must map names"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_config(path)
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the settings"):
        read_config(tmp_path / "absent.yaml")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no folder": ({"out": None}, "give --out"),
    "both lengths": ({"epochs": 1, "steps": 2}, "--steps or --epochs, not both"),
    "both held-out sets": ({"eval_data": "gsm-symbolic", "eval_fraction": 0.1}, "--eval-data or --eval-fraction"),
    "no epochs": ({"epochs": 0}, "epochs must be a number above 0, not 0"),
    "half a step": ({"steps": 1.5}, "steps must be a whole number of at least 1, not 1.5"),
    "schedule": ({"schedule": "cosin"}, "did you mean 'cosine'?"),
    "warmup": ({"warmup_ratio": 1.5}, "warmup_ratio must be a number at least 0 and at most 1, not 1.5"),
    "decay": ({"weight_decay": "much"}, "weight_decay must be a number at least 0, not 'much'"),
    "clipping": ({"max_grad_norm": -1}, "max_grad_norm must be a number at least 0"),
    "fraction": ({"eval_fraction": 1.0}, "eval_fraction must be a number at least 0 and at most 0.9"),
    "interval": ({"save_every": 0}, "save_every must be a whole number of at least 1"),
    "keep": ({"keep": -1}, "keep must be a whole number of at least 0"),
    "method": ({"method": "ladr"}, "did you mean 'ladder'?"),
    "reduction": ({"method": "ladder", "reduction": 3}, "give --reduction 4, or one of"),
    "quantised full": ({"method": "full", "quantization": "nf4"}, "use none"),
    "random weights": ({"model": "random:tiny-llama"}, "`ladderscope profile` measures random weights"),
    "random tokens": ({"data": "random"}, "random tokens teach nothing"),
    "missing data": ({"data": "absent.jsonl"}, "unknown data 'absent.jsonl'"),
    "missing held-out data": ({"eval_data": "absent.jsonl"}, "unknown data 'absent.jsonl'"),
    "paged optimizer": ({"optimizer": "paged-adamw-8bit"}, "without one, use adamw-8bit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_settings_are_refused_in_one_sentence(
    case: str, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    values, message = REFUSED[case]
    with pytest.raises(UsageError) as error:
        settings(**values)
    assert message in str(error.value)
    assert error.value.exit_code == 2


def test_what_does_not_change_the_result_is_no_part_of_the_identity(settings: MakeSettings) -> None:
    ours = settings().identity()
    assert settings(save_every=2, keep=3, out="elsewhere").identity() == ours
    for changed in ({"lr": 0.5}, {"schedule": "cosine"}, {"epochs": 2}, {"eval_every": 2}, {"seed": 1}):
        assert settings(**changed).identity() != ours
