from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.errors import DataError, UnknownNameError, UsageError
from ladderscope.methods import METHODS, get_method
from ladderscope.records import Cell
from ladderscope.sweep.checks import check_cell, check_meter
from ladderscope.training.loss import LOSS_FUNCTIONS
from ladderscope.training.optimizer import OPTIMIZERS

SIZES: dict[str | None, dict[str, int]] = {"rank": {"rank": 8}, "reduction_factor": {"reduction_factor": 8}, None: {}}


def make_cell(method: str = "lora", **settings: Any) -> Cell:
    base = Cell(
        model="random:tiny-llama", method=method, quantization=get_method(method).quantizations[0], data="random"
    )
    return dataclasses.replace(base, **{**SIZES[get_method(method).size], **settings})


def check(cell: Cell) -> None:
    model = resolve_name(cell.model)
    check_cell(cell, model, get_method(cell.method), backbone_config(model))


def refusal(cell: Cell, kind: type[UsageError] = UsageError) -> str:
    with pytest.raises(kind) as error:
        check(cell)
    return str(error.value)


# ---------------------------------------------------------------- what passes


def allowed() -> Iterable[Cell]:
    for name, method in METHODS.items():
        for quantization in method.quantizations:
            yield make_cell(name, quantization=quantization)
    for name in OPTIMIZERS:
        yield make_cell(optimizer=name)
    for name in LOSS_FUNCTIONS:
        yield make_cell(loss_impl=name)
    yield make_cell(dtype="fp32", gradient_checkpointing=True, lr=1)
    yield make_cell(seq_len=512, batch_size=64, gradient_accumulation=8, steps=10_000, seed=12345)
    yield make_cell(seq_len=2, rank=1, steps=1)
    yield make_cell(model="smollm2-135m", data="gsm-symbolic")
    yield make_cell(model="smollm2-135m", data="random")
    yield make_cell("ladder", settings="downsample=linear taps=[1,3,null]")
    yield make_cell("xladder", settings="delta=1")
    yield make_cell("lora", settings="lora_alpha=32")


@pytest.mark.parametrize("cell", list(allowed()), ids=lambda cell: cell.cell_id[:4])
def test_a_possible_cell_passes(cell: Cell) -> None:
    check(cell)


# ---------------------------------------------------------------- one setting


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("full", "lora_alpha=32", "full has no settings: leave --set out."),
        ("ladder", "gate=matrix", "gate must be one of none, scalar, vector, not 'matrix'."),
        ("ladder", "taps=[1,9]", "tap 9 is beyond the last of 4 backbone blocks."),
        ("xladder", "delta=5", "delta 5 is larger than the number of backbone blocks, 4."),
        ("ladder", "side_width=7", "a side width of 7 does not fit"),
        ("lora", "lora_alfa=32", "unknown setting 'lora_alfa': did you mean 'lora_alpha'?"),
    ],
)
def test_a_setting_that_the_method_does_not_take_is_refused(method: str, settings: str, said: str) -> None:
    assert said in refusal(make_cell(method, settings=settings))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"dtype": "bfloat16"}, "unknown dtype 'bfloat16': did you mean 'bf16'?"),
        ({"dtype": "int4"}, "unknown dtype 'int4': choose from bf16, fp32."),
        ({"quantization": "nf-4"}, "unknown quantization 'nf-4': did you mean 'nf4'?"),
        ({"quantization": "gguf"}, "unknown quantization 'gguf': choose from int8, nf4, nf4-dq, none."),
        ({"optimizer": "adamw8bit"}, "unknown optimizer 'adamw8bit': did you mean 'adamw-8bit'?"),
        ({"loss_impl": "chunks"}, "unknown loss-impl 'chunks': did you mean 'chunked'?"),
    ],
    ids=str,
)
def test_a_name_outside_its_list_is_refused(setting: dict[str, str], said: str) -> None:
    assert refusal(make_cell(**setting), UnknownNameError) == said


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_checkpointing_is_on_or_off(value: Any) -> None:
    said = refusal(make_cell(gradient_checkpointing=value))
    assert said == f"gradient_checkpointing must be true or false, not {value!r}."


WHOLE_NUMBERS = {"seq_len": 2, "batch_size": 1, "gradient_accumulation": 1, "steps": 1, "seed": 0, "generate": 0}


@pytest.mark.parametrize("off", [lambda least: least - 1, float, str, lambda least: None, lambda least: True])
@pytest.mark.parametrize(("name", "least"), WHOLE_NUMBERS.items())
def test_a_count_is_a_whole_number_that_is_large_enough(name: str, least: int, off: Callable[[int], Any]) -> None:
    said = refusal(make_cell(**{name: off(least)}))
    assert said == f"{name} must be a whole number of at least {least}, not {off(least)!r}."


@pytest.mark.parametrize("value", [0, -1, 2.5, "8", None], ids=str)
@pytest.mark.parametrize(
    ("method", "size"), [("lora", "rank"), ("ladder", "reduction_factor"), ("xladder", "reduction_factor")]
)
def test_a_method_has_a_size_of_at_least_one(method: str, size: str, value: Any) -> None:
    said = refusal(make_cell(method, **{size: value}))
    assert said == f"{size} must be a whole number of at least 1, not {value!r}."


@pytest.mark.parametrize("lr", [0, -1e-3, "0.1", None, float("nan")], ids=str)
def test_the_learning_rate_is_above_zero(lr: Any) -> None:
    assert refusal(make_cell(lr=lr)) == f"lr must be a number above 0, not {lr!r}."


# ---------------------------------------------------------------- settings that do not go together


@pytest.mark.parametrize(
    ("method", "quantization", "said"),
    [
        ("full", "nf4", "full does not work with --quantization nf4: use none."),
        (
            "lora",
            "int8",
            "lora does not work with --quantization int8 (with a quantised backbone it is qlora): use none.",
        ),
        (
            "qlora",
            "none",
            "qlora does not work with --quantization none (without, it is lora): use nf4-dq, nf4, int8.",
        ),
    ],
)
def test_a_method_names_the_quantisations_it_works_with(method: str, quantization: str, said: str) -> None:
    assert refusal(make_cell(method, quantization=quantization)) == said


@pytest.mark.parametrize(
    ("model", "longest"), [("random:tiny-llama", 512), ("random:gpt2", 1024), ("random:smollm2-135m", 8192)]
)
def test_a_sequence_is_no_longer_than_the_model_reads(model: str, longest: int) -> None:
    check(make_cell(model=model, seq_len=longest))
    said = refusal(make_cell(model=model, seq_len=longest + 1))
    assert said == f"{model} reads at most {longest} tokens: lower --seq-len from {longest + 1}."


@pytest.mark.parametrize(
    ("method", "factor", "why"),
    [
        ("qst", 16, "qst's default reduction factor of 16 makes side blocks of width 4, which do not fit 4"),
        ("ladder", 16, "ladder's reduction factor of 16 makes side blocks of width 4, which do not fit 4"),
        ("xladder", 64, "xladder's reduction factor of 64 makes side blocks of width 1, which do not fit 4"),
    ],
)
def test_a_reduction_that_does_not_fit_names_method_width_and_option(method: str, factor: int, why: str) -> None:
    said = refusal(make_cell(method, reduction_factor=factor))
    assert said == f"random:tiny-llama: {why} heads: give --reduction 8, or one of 1, 2, 4."


def test_of_reductions_that_fit_the_nearest_comes_first() -> None:
    said = refusal(make_cell("ladder", reduction_factor=3))
    assert said == (
        "random:tiny-llama: ladder's reduction factor of 3 does not divide the hidden size of 64: "
        "give --reduction 4, or one of 1, 2, 8."
    )


@pytest.mark.parametrize("data", ["gsm-symbolic", "examples.jsonl"])
def test_text_needs_a_tokenizer(data: str) -> None:
    said = refusal(make_cell(data=data))
    assert said == "random:tiny-llama has random weights and no tokenizer: use --data random."


def test_data_that_cannot_be_read_is_found_early(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.txt")
    said = refusal(make_cell(model="smollm2-135m", data=missing), DataError)
    assert said.startswith(f"unknown data {missing!r}: ")


# ---------------------------------------------------------------- meters


def test_a_paged_optimizer_needs_a_gpu() -> None:
    paged = make_cell(optimizer="paged-adamw-8bit")
    with pytest.raises(UsageError) as error:
        check_meter([make_cell(), paged], "cpu")
    assert str(error.value) == (
        "paged-adamw-8bit pages between GPU and host: it needs --meter cuda, or use adamw-8bit."
    )
    check_meter([paged], "cuda")


@pytest.mark.parametrize("meter", ["cpu", "cuda"])
def test_generation_is_measured_by_no_meter(meter: str) -> None:
    with pytest.raises(UsageError) as error:
        check_meter([make_cell(), make_cell(generate=8)], meter)
    assert str(error.value) == "generation is predicted, not measured: give --meter predict, or leave --generate out."


def test_prompt_and_new_tokens_fit_into_what_the_model_reads() -> None:
    check(make_cell(seq_len=500, generate=12))
    assert refusal(make_cell(seq_len=500, generate=13)) == (
        "random:tiny-llama reads at most 512 tokens, fewer than a prompt of 500 and 13 new ones: "
        "lower --seq-len or --generate."
    )


@pytest.mark.parametrize("optimizer", ["adamw", "adamw-fused", "adamw-8bit"])
def test_the_other_optimizers_run_everywhere(optimizer: str) -> None:
    check_meter([make_cell(optimizer=optimizer)], "cpu")
