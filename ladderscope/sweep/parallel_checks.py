"""What cannot run on several GPUs, said before anything runs."""

from __future__ import annotations

from ladderscope.errors import UsageError
from ladderscope.methods import Method
from ladderscope.parallel.replicas import FSDP, NONE
from ladderscope.records import Cell

SHARDED_METHODS = ("full", "lora", "qlora")
_SHARDED_OPTIMIZERS = ("adamw", "adamw-fused")


def check_parallel(cell: Cell, method: Method) -> None:
    """Refuse a cell whose parts do not go with its way to share the training.

    Raises:
        UsageError: what does not, why, and what to give instead.
    """
    if cell.parallel == NONE:
        if cell.num_gpus > 1:
            raise UsageError(f"{cell.num_gpus} GPUs need --parallel ddp or fsdp; without it leave --num-gpus out.")
        return
    if cell.num_gpus < 2:
        raise UsageError(f"--parallel {cell.parallel} needs --num-gpus 2 or more; on one GPU leave it out.")
    if cell.loss_impl == "chunked":
        raise UsageError(
            f"the chunked loss calls parts of the model, which {cell.parallel} does not notice: use --loss-impl full."
        )
    if cell.generate:
        raise UsageError("generation is predicted on one GPU: leave --generate or --parallel out.")
    if cell.parallel == FSDP:
        _check_sharded(cell, method)


def _check_sharded(cell: Cell, method: Method) -> None:
    if cell.quantization == "int8":
        raise UsageError(
            "FSDP2 loses the scales of bitsandbytes' 8-bit weights: use --quantization nf4, or --parallel ddp."
        )
    if method.size == "reduction_factor":
        raise UsageError(f"FSDP2 shards no scalars, and gates of {method.name} are some: use --parallel ddp.")
    if method.name not in SHARDED_METHODS:
        raise UsageError(
            f"{method.name} was never run under FSDP2; {', '.join(SHARDED_METHODS)} were: use --parallel ddp."
        )
    if cell.optimizer not in _SHARDED_OPTIMIZERS:
        raise UsageError(
            f"{cell.optimizer} of bitsandbytes takes no sharded weights: use --optimizer "
            f"{' or '.join(_SHARDED_OPTIMIZERS)}, or --parallel ddp."
        )
