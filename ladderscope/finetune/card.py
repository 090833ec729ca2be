"""The model card of a trained adapter: what it is, what it was trained on, how it did, how to load it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ladderscope.backbones.names import SMOLLM2, resolve_name
from ladderscope.units import format_count

_PACKAGES = ("ladderscope", "torch", "transformers", "peft", "bitsandbytes")
_DTYPES = {"bf16": "bfloat16", "fp32": "float32"}
_SMOLLM2_ON_THE_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"


def write_card(folder: Path, run: Mapping[str, Any]) -> None:
    """Write ``README.md`` beside a saved model.

    Args:
        folder: holds the saved model.
        run: what ``training.json`` holds of the finished run.
    """
    settings = run["settings"]
    shown = {name: _without_folders(value) for name, value in settings.items()}
    sections = [_front_matter(folder, settings), _introduction(shown, run), _loading(folder, settings)]
    sections += [_losses(run), _table("Settings", shown), _table("Data", {"data": shown["data"], **run["data"]})]
    sections.append(_table("Versions", {name: run["environment"].get(name) for name in _PACKAGES}))
    (folder / "README.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _without_folders(value: Any) -> Any:
    """The name of a local file or folder: where it lies on this machine is nobody's business."""
    return Path(value).name if isinstance(value, str) and Path(value).expanduser().exists() else value


def _front_matter(folder: Path, settings: Mapping[str, Any]) -> str:
    name = resolve_name(settings["model"])
    lines = [f"library_name: {'peft' if _adapter_config(folder) else 'transformers'}", "pipeline_tag: text-generation"]
    if name.kind in ("hub", "wheel"):
        lines.insert(0, f"base_model: {_SMOLLM2_ON_THE_HUB if settings['model'] == SMOLLM2 else name.source}")
    return "\n".join(["---", *lines, "tags:", "- ladderscope", f"- {settings['method']}", "---"])


def _introduction(settings: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    parameters = run["parameters"]
    share = f"{format_count(parameters['trainable'])} of {format_count(parameters['total'])} parameters"
    return (
        f"# {settings['model']}, fine-tuned by {settings['method']}\n\n"
        f"Trained with ladderscope: {share} were trained, for "
        f"{settings['steps']} steps of {run['tokens_per_step']} tokens, on `{settings['data']}`."
    )


def _loading(folder: Path, settings: Mapping[str, Any]) -> str:
    adapter = _adapter_config(folder)
    if not adapter:
        lines = ["from transformers import AutoModelForCausalLM", ""]
        lines.append(f'model = AutoModelForCausalLM.from_pretrained("{folder.name}")')
        return _code("How to load it", lines, "")
    lines, note, arguments = [], "", f'"{folder.name}", dtype="{_DTYPES[settings["dtype"]]}"'
    if "ladderscope_version" in adapter:
        lines.append("import ladderscope  # makes PEFT know this method")
        note = "PEFT alone does not know this method: install ladderscope, and import it before loading."
    lines.append("from peft import AutoPeftModelForCausalLM")
    if settings["quantization"] != "none":
        lines.append("from transformers import BitsAndBytesConfig")
        arguments += ", quantization_config=quantization"
        lines += ["", f"quantization = BitsAndBytesConfig({_quantization(settings)})"]
    lines += ["", f"model = AutoPeftModelForCausalLM.from_pretrained({arguments})"]
    return _code("How to load it", lines, note)


def _quantization(settings: Mapping[str, Any]) -> str:
    if settings["quantization"] == "int8":
        return "load_in_8bit=True"
    double = settings["quantization"] == "nf4-dq"
    return (
        f'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant={double}, '
        f'bnb_4bit_compute_dtype="{_DTYPES[settings["dtype"]]}"'
    )


def _losses(run: Mapping[str, Any]) -> str:
    lines = ["## Losses", "", "Mean loss in nats per trained token.", "", "| | loss |", "|---|---|"]
    steps, evaluations = run["steps"], run["evaluations"]
    lines += [f"| training, step {step['step']} | {step['loss']:.4f} |" for step in (steps[0], steps[-1])]
    lines += [f"| held out, after {each['step']} steps | {each['loss']:.4f} |" for each in evaluations]
    if not evaluations:
        lines += ["", "Nothing was held out."]
    return "\n".join(lines)


def _table(title: str, values: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {value} |" for name, value in values.items() if value is not None]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *rows])


def _code(title: str, lines: list[str], note: str) -> str:
    return "\n".join([f"## {title}", "", "```python", *lines, "```", *(["", note] if note else [])])


def _adapter_config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return values
