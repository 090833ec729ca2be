from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import LadderscopeError, UnknownNameError, UsageError
from ladderscope.methods import METHODS
from ladderscope.records import Cell
from ladderscope.sweep.grid import Grid, read_grids, resolve_cells

TINY = {"model": ["random:tiny-llama"]}
ReadYaml = Callable[[str], Grid]


@pytest.fixture
def read_yaml(tmp_path: Path) -> ReadYaml:
    def read(text: str) -> Grid:
        path = tmp_path / "grid.yaml"
        path.write_text(text, encoding="utf-8")
        return read_grids(path)[0]

    return read


def cells(**axes: list[Any]) -> list[Cell]:
    return resolve_cells(TINY, axes)


def refusal(action: Callable[[], object], kind: type[LadderscopeError] = UsageError) -> str:
    with pytest.raises(kind) as error:
        action()
    return str(error.value)


# ---------------------------------------------------------------- from axes to cells


def test_the_cells_are_all_combinations() -> None:
    grid = cells(method=["lora"], rank=[4, 8], seq_len=[64, 128], seed=[0, 1])
    assert len(grid) == 8
    assert {(cell.rank, cell.seq_len, cell.seed) for cell in grid} == {
        (rank, seq_len, seed) for rank in (4, 8) for seq_len in (64, 128) for seed in (0, 1)
    }


def test_without_anything_given_the_default_model_is_tried_with_three_methods() -> None:
    assert [(cell.model, cell.method, cell.data) for cell in resolve_cells()] == [
        ("smollm2-135m", method, "gsm-symbolic") for method in ("qlora", "ladder", "xladder")
    ]


def test_a_rank_does_not_multiply_side_networks() -> None:
    grid = cells(method=["qlora", "ladder"], rank=[4, 8, 16])
    assert Counter(cell.method for cell in grid) == {"qlora": 3, "ladder": 1}


def test_a_reduction_does_not_multiply_adapters() -> None:
    grid = cells(method=["qlora", "ladder"], reduction=[4, 8])
    assert Counter(cell.method for cell in grid) == {"qlora": 1, "ladder": 2}


def test_neither_size_multiplies_full_fine_tuning() -> None:
    assert len(cells(method=["full"], rank=[4, 8], reduction=[4, 8])) == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_cell_has_the_size_of_its_method_only(method: str) -> None:
    (cell,) = cells(method=[method], rank=[4], reduction=[2])
    sizes = {"rank": (4, None), "reduction_factor": (None, 2), None: (None, None)}
    assert (cell.rank, cell.reduction_factor) == sizes[METHODS[method].size]


def test_settings_are_text_or_a_mapping_and_one_choice_makes_one_cell(read_yaml: ReadYaml) -> None:
    choices = "settings: [{taps: [1, 3], gate: none}, 'gate=none taps=[1,3]', null]"
    grid = resolve_cells(TINY, {"method": ["ladder"]}, read_yaml(choices))
    assert [cell.settings for cell in grid] == ["gate=none taps=[1,3]", ""]


def test_qst_has_the_width_of_its_paper() -> None:
    grid = resolve_cells({"model": ["random:llama-2-7b"], "method": ["lst", "qst"]})
    assert [cell.reduction_factor for cell in grid] == [8, 16]


def test_a_value_given_twice_makes_one_cell() -> None:
    assert len(cells(method=["lora", "lora"], seq_len=[64, 64])) == 1


def test_a_default_that_is_spelt_out_makes_no_second_cell() -> None:
    assert len(cells(method=["qlora"], quantization=[None, "nf4-dq"], lr=[None, 1e-3])) == 1


@pytest.mark.parametrize("method", METHODS)
def test_the_method_decides_quantisation_and_learning_rate_where_none_is_given(method: str) -> None:
    (cell,) = resolve_cells({"model": ["random:llama-3.2-1b"], "method": [method]})
    assert cell.quantization == METHODS[method].quantizations[0]
    assert cell.lr == METHODS[method].default_lr


def test_random_weights_are_trained_on_random_tokens() -> None:
    assert {cell.data for cell in cells()} == {"random"}


@pytest.mark.parametrize("name", ["model", "method", "rank", "seed"])
def test_an_axis_without_a_value_is_refused(name: str) -> None:
    assert refusal(lambda: cells(**{name: []})) == (
        f"the grid gives no value for {name}: give one, or leave the key out."
    )


def test_an_unknown_method_proposes_the_nearest() -> None:
    assert refusal(lambda: cells(method=["laddr"])) == "unknown method 'laddr': did you mean 'ladder'?"


def test_one_impossible_cell_refuses_the_grid() -> None:
    assert "lora does not work with --quantization nf4" in refusal(
        lambda: cells(method=["qlora", "lora"], quantization=["nf4"])
    )


@pytest.mark.parametrize("axis", ["model", "method", "dtype", "data", "rank"])
def test_a_mapping_is_no_value(axis: str, read_yaml: ReadYaml) -> None:
    assert axis in refusal(lambda: resolve_cells(read_yaml(f"{axis}: {{name: lora}}")))


# ---------------------------------------------------------------- YAML and flags


def test_a_key_has_one_value_or_a_list(read_yaml: ReadYaml) -> None:
    assert read_yaml("seq_len: 128\nrank: [4, 8]") == {"seq_len": [128], "rank": [4, 8]}


@pytest.mark.parametrize("key", ["batch-size", "batch_size"])
def test_a_key_is_spelt_as_in_python_or_as_on_the_command_line(key: str, read_yaml: ReadYaml) -> None:
    assert read_yaml(f"{key}: 2") == {"batch_size": [2]}


@pytest.mark.parametrize("key", ["reduction", "reduction-factor", "reduction_factor"])
def test_the_reduction_goes_by_its_long_name_too(key: str, read_yaml: ReadYaml) -> None:
    assert read_yaml(f"{key}: 4") == {"reduction": [4]}


def test_flags_override_the_file_and_the_file_the_defaults(read_yaml: ReadYaml) -> None:
    file = read_yaml("model: random:tiny-llama\nmethod: [lora, ladder]\nseq_len: [64, 128]\nseed: 3")
    (cell,) = resolve_cells(file, {"method": ["lora"], "seq_len": [32]})
    assert (cell.model, cell.method, cell.seq_len, cell.seed) == ("random:tiny-llama", "lora", 32, 3)
    assert cell.batch_size == 1


@pytest.mark.parametrize("number", ["1e-3", "1E-3", "0.001", "1.0e-3"])
def test_a_learning_rate_may_be_written_like_any_number(number: str, read_yaml: ReadYaml) -> None:
    """YAML 1.1 reads ``1e-3`` as text, which is nobody's intention."""
    grid = read_yaml(f"method: lora\nlr: {number}")
    assert [cell.lr for cell in resolve_cells(TINY, grid)] == [0.001]


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("seqlen", "seq_len"), ("ranks", "rank"), ("optimiser", "optimizer"), ("seq-length", "seq_len")],
)
def test_an_unknown_key_proposes_the_nearest(key: str, nearest: str, read_yaml: ReadYaml) -> None:
    assert refusal(lambda: read_yaml(f"{key}: 1"), UnknownNameError) == (
        f"unknown key in the grid {key!r}: did you mean {nearest!r}?"
    )


@pytest.mark.parametrize("text", ["", "# nothing but a comment", "just words", "- a list", "42"])
def test_a_file_that_is_no_mapping_is_refused(text: str, tmp_path: Path, read_yaml: ReadYaml) -> None:
    assert refusal(lambda: read_yaml(text)) == (
        f"the grid {tmp_path / 'grid.yaml'} must map names such as `model` and `seq_len` to a value or a list."
    )


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, read_yaml: ReadYaml) -> None:
    said = refusal(lambda: read_yaml("model: [smollm2-135m"))
    assert said.startswith(f"the grid {tmp_path / 'grid.yaml'} is not YAML: ")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_bytes(b"\xff\xfe\xff")
    assert refusal(lambda: read_grids(path)).startswith(f"the grid {path} is not YAML: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    assert refusal(lambda: read_grids(path)) == f"cannot read the grid {path}: No such file or directory."
