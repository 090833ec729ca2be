"""Any method of PEFT by name or from its adapter_config.json; what it holds becomes the cell's settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.methods import get_method
from ladderscope.records import Cell
from ladderscope.sweep.grid import resolve_cells

GRID: dict[str, list[Any]] = {"model": ["random:tiny-llama"], "seq_len": [32]}


def write(folder: Path, **fields: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(fields))
    return folder


def cells(method: str, **axes: Any) -> list[Cell]:
    return resolve_cells(GRID, {"method": [method], **axes})


def test_a_saved_config_becomes_a_cell_that_says_what_it_holds(tmp_path: Path) -> None:
    from peft import VeraConfig

    VeraConfig(r=64, target_modules=["q_proj", "v_proj"]).save_pretrained(str(tmp_path))
    [cell] = cells(f"peft:{tmp_path}")
    assert cell.method == "peft:vera"
    assert "r=64" in cell.settings.split()
    assert "target_modules=" in cell.settings
    assert (cell.rank, cell.reduction_factor, cell.quantization) == (None, None, "none")


def test_the_cell_depends_on_what_the_file_holds_and_not_on_where_it_lies(tmp_path: Path) -> None:
    one = write(tmp_path / "one", peft_type="LOHA", r=4)
    same = write(tmp_path / "same", r=4, peft_type="LOHA", inference_mode=True, base_model_name_or_path="x/y")
    other = write(tmp_path / "other", peft_type="LOHA", r=5)
    ids = [cells(f"peft:{folder}")[0].cell_id for folder in (one, one / "adapter_config.json", same, other)]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_the_cell_can_be_run_without_the_file(tmp_path: Path) -> None:
    [cell] = cells(f"peft:{write(tmp_path, peft_type='LOHA', r=4, rank_dropout=1e-05)}")
    config = get_method(cell.method).config(cell)  # type: ignore[misc]
    assert (config.r, config.rank_dropout) == (4, 1e-05)


def test_settings_apply_over_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path, peft_type="LOHA", r=4, alpha=2)
    [cell] = cells(f"peft:{folder}", settings=["r=16"])
    assert cell.settings == "alpha=2 r=16"


def test_text_with_spaces_survives(tmp_path: Path) -> None:
    text = "Classify: good or bad?"
    folder = write(tmp_path, peft_type="PROMPT_TUNING", num_virtual_tokens=4, tokenizer_name_or_path=text)
    [cell] = cells(f"peft:{folder}")
    assert get_method(cell.method).config(cell).tokenizer_name_or_path == text  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"r": 8}, "has no peft_type"),
        ({"peft_type": "VERAA"}, "did you mean 'VERA'"),
        ({"peft_type": "LADDER"}, "use --method ladder"),
        ({"peft_type": "VERA", "task_type": "SEQ_CLS"}, "is for SEQ_CLS"),
        ({"peft_type": "VERA", "rr": 8}, "sets rr, which the installed PEFT does not know"),
        ({"peft_type": "OFT", "r": 8, "oft_block_size": 8}, "PEFT refuses the config of peft:oft"),
    ],
)
def test_a_config_that_cannot_be_is_refused(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cells(f"peft:{write(tmp_path, **fields)}")


def test_a_file_that_is_not_there_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no adapter_config\.json"):
        cells(f"peft:{tmp_path}")
    with pytest.raises(UsageError, match="there is no"):
        cells(f"peft:{tmp_path}/nothing")
    with pytest.raises(UnknownNameError, match="did you mean 'vera'"):
        cells("peft:veraa")
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(UsageError, match="is not JSON"):
        cells(f"peft:{tmp_path}")
    (tmp_path / "adapter_config.json").write_text("[]")
    with pytest.raises(UsageError, match="JSON object"):
        cells(f"peft:{tmp_path}")
