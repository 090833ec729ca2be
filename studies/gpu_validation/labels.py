"""What a cell is called in the tables: all that tells it from the other cells of the grid."""

from __future__ import annotations

from ladderscope.records import Cell

_USUAL = {
    "batch_size": 1,
    "gradient_accumulation": 1,
    "dtype": "bf16",
    "quantization": "none",
    "optimizer": "adamw",
    "data": "random",
}
_TELLS_ALONE = ("dtype", "quantization", "optimizer")


def model_name(cell: Cell) -> str:
    """The architecture, without a word on where its weights come from: ``"llama-2-7b"``."""
    return cell.model.removeprefix("random:")


def method_name(cell: Cell) -> str:
    """The method, and whether it checkpoints."""
    return f"{cell.method}, checkpointing" if cell.gradient_checkpointing else cell.method


def cell_name(cell: Cell) -> str:
    """``"llama-2-7b qlora r=16, 2,048 tokens, nf4-dq, checkpointing"``."""
    parts = [f"{model_name(cell)} {cell.method_label}", f"{cell.seq_len:,} tokens"]
    for name, usual in _USUAL.items():
        value = getattr(cell, name)
        if value != usual:
            parts.append(str(value) if name in _TELLS_ALONE else f"{name.replace('_', ' ')} {value}")
    parts += [f"{cell.adapter_dtype} adapters"] * (cell.adapter_dtype != "fp32")
    parts += ["checkpointing"] * cell.gradient_checkpointing
    parts += [f"{cell.loss_impl} loss"] * (cell.loss_impl != "full")
    parts += [cell.settings] * bool(cell.settings)
    return ", ".join(parts)
