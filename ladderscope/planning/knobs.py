"""What can be changed so that a training run takes less memory. Whether it does, predictions say."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ladderscope.backbones.names import resolve_name
from ladderscope.backbones.widths import valid_reduction_factors
from ladderscope.errors import UsageError
from ladderscope.memory.allocator import AllocatorConfig
from ladderscope.methods import Method, get_method
from ladderscope.methods.settings import canonical_settings, parse_settings
from ladderscope.parallel.replicas import DDP, FSDP
from ladderscope.planning.cells import config_of
from ladderscope.records import Cell
from ladderscope.sweep.checks import check_cell
from ladderscope.sweep.grid import DEFAULTS

LENGTH_STEP = 64
LEAST_QUANTIZATION = "nf4-dq"
_ENVIRONMENT = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")


@dataclass(frozen=True)
class Knob:
    """A change of a cell, or of the allocator.

    Attributes:
        name: for people.
        option: what to add to the command line, or to set in the environment.
        changes: fields of the cell with their new values.
        alloc_conf: settings of the allocator; None leaves them as they are.
        changes_shape: whether a step then reads other rows than was asked for.
    """

    name: str
    option: str
    changes: Mapping[str, Any]
    alloc_conf: str | None = None
    changes_shape: bool = False

    def applied_to(self, cell: Cell) -> Cell:
        """The changed cell."""
        return dataclasses.replace(cell, **self.changes)


def knobs_of(cell: Cell) -> list[Knob]:
    """All changes that this cell allows."""
    method = get_method(cell.method)
    candidates = [*_backbone(cell, method), *_training(cell, method), *_shape(cell), *_gpus(cell), *_allocator()]
    if method.size == "rank":
        candidates += _rank(cell)
    elif method.size == "reduction_factor":
        candidates += _side(cell, method)
    return [knob for knob in candidates if _is_possible(knob.applied_to(cell))]


def _is_possible(cell: Cell) -> bool:
    try:
        check_cell(cell, resolve_name(cell.model), get_method(cell.method), config_of(cell.model))
    except UsageError:
        return False
    return True


def _backbone(cell: Cell, method: Method) -> Iterator[Knob]:
    if cell.dtype == "fp32":
        yield Knob("backbone in bf16", "--dtype bf16", {"dtype": "bf16"})
    if cell.method == "full":
        rank = DEFAULTS["rank"][0]
        yield Knob("LoRA instead of all weights", "--method lora", {"method": "lora", "rank": rank})
    elif cell.method == "lora":
        changes = {"method": "qlora", "quantization": LEAST_QUANTIZATION}
        yield Knob("backbone in nf4-dq (QLoRA)", "--method qlora", changes)
    elif cell.quantization != LEAST_QUANTIZATION and LEAST_QUANTIZATION in method.quantizations:
        changes = {"quantization": LEAST_QUANTIZATION}
        yield Knob("backbone in nf4-dq", "--quantization nf4-dq", changes)


def _training(cell: Cell, method: Method) -> Iterator[Knob]:
    # A side network keeps nothing of the backbone for backward that checkpointing could spare.
    if not cell.gradient_checkpointing and method.size != "reduction_factor":
        yield Knob("gradient checkpointing", "--gradient-checkpointing", {"gradient_checkpointing": True})
    if cell.loss_impl != "chunked":
        yield Knob("loss in chunks", "--loss-impl chunked", {"loss_impl": "chunked"})
    smaller = {"adamw-8bit": "8-bit AdamW", "paged-adamw-8bit": "paged 8-bit AdamW"}
    for optimizer, name in smaller.items():
        if cell.optimizer not in (optimizer, "paged-adamw-8bit"):
            yield Knob(name, f"--optimizer {optimizer}", {"optimizer": optimizer})


def _shape(cell: Cell) -> Iterator[Knob]:
    half = cell.seq_len // 2 // LENGTH_STEP * LENGTH_STEP
    if half:
        name = f"rows of {half} tokens"
        yield Knob(name, f"--seq-len {half}", {"seq_len": half}, changes_shape=True)
    if cell.batch_size > 1 and cell.batch_size % 2 == 0:
        rows, accumulated = cell.batch_size // 2, cell.gradient_accumulation * 2
        yield Knob(
            f"batch of {rows}, {accumulated} accumulated",
            f"--batch-size {rows} --gradient-accumulation {accumulated}",
            {"batch_size": rows, "gradient_accumulation": accumulated},
        )


def _gpus(cell: Cell) -> Iterator[Knob]:
    """Only for those who have several: one GPU becomes two by no option."""
    if cell.parallel == DDP:
        name = f"sharded over the {cell.num_gpus} GPUs"
        yield Knob(name, f"--parallel {FSDP}", {"parallel": FSDP})
    elif cell.parallel == FSDP:
        twice = 2 * cell.num_gpus
        yield Knob(f"sharded over {twice} GPUs", f"--num-gpus {twice}", {"num_gpus": twice})


def _allocator() -> Iterator[Knob]:
    current = AllocatorConfig.parse(next(filter(None, map(os.environ.get, _ENVIRONMENT)), ""))
    if not current.expandable_segments:
        text = dataclasses.replace(current, expandable_segments=True).to_text()
        yield Knob("expandable segments", f"PYTORCH_ALLOC_CONF={text}", {}, alloc_conf=text)


def _rank(cell: Cell) -> list[Knob]:
    rank = (cell.rank or 0) // 2
    return [Knob(f"rank {rank}", f"--rank {rank}", {"rank": rank})] if rank else []


def _side(cell: Cell, method: Method) -> Iterator[Knob]:
    assert method.config is not None
    config = method.config(cell)
    if config.side_width is None and getattr(config, "match_params", None) is None:
        factors = valid_reduction_factors(config_of(cell.model).get_text_config())
        if larger := [factor for factor in factors if factor >= 2 * (cell.reduction_factor or 1)]:
            changes = {"reduction_factor": larger[0]}
            yield Knob(f"reduction {larger[0]}", f"--reduction {larger[0]}", changes)
    if not config.checkpoint_blocks:
        settings = _with_settings(cell, {"checkpoint_blocks": True})
        yield Knob("recomputed side blocks", f"--set '{settings}'", {"settings": settings})
    if hasattr(type(config), "lean"):
        yield from _lean(cell, type(config))


def _lean(cell: Cell, config_class: Any) -> Iterator[Knob]:
    """The preset of the least memory, as options of a cell."""
    lean, default = config_class.lean(), config_class()
    names = [field.name for field in dataclasses.fields(lean)]
    chosen = {name: getattr(lean, name) for name in names if getattr(lean, name) != getattr(default, name)}
    loss_impl, reduction = chosen.pop("loss_impl"), chosen.pop("reduction_factor")
    settings = _with_settings(cell, chosen)
    changes = {"loss_impl": loss_impl, "settings": settings}
    option = f"--loss-impl {loss_impl} --set '{settings}'"
    narrow = {**changes, "reduction_factor": max(reduction, cell.reduction_factor or 1)}
    if _is_possible(dataclasses.replace(cell, **narrow)):
        changes, option = narrow, f"--reduction {narrow['reduction_factor']} {option}"
    if dataclasses.replace(cell, **changes) != cell:
        yield Knob("lean side network", option, changes)


def _with_settings(cell: Cell, settings: Mapping[str, Any]) -> str:
    return canonical_settings({**parse_settings(cell.settings), **settings})
