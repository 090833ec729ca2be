"""The roles that columns play: predictors, response, and what tells runs and settings apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ladderscope.errors import UnknownNameError

BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role. ``aliases`` are the columns that play it where none is named, the first that is there."""

    name: str
    label: str
    unit: str = ""
    aliases: tuple[str, ...] = ()


_PREDICTORS = (
    Role(
        name="N",
        label="parameters",
        unit="parameter",
        aliases=("params", "parameters", "n_params", "num_params", "total_params", "model_size"),
    ),
    Role(
        name="T",
        label="trainable parameters",
        unit="parameter",
        aliases=("trainable", "trainable_params", "trainable_parameters"),
    ),
    Role(
        name="D",
        label="training tokens",
        unit="token",
        aliases=("tokens", "train_tokens", "training_tokens", "n_tokens", "num_tokens"),
    ),
    Role(
        name="C",
        label="training compute",
        unit="FLOP",
        aliases=("flops", "flop", "compute", "train_flops", "training_flops", "training_flop", "total_flops"),
    ),
    Role(
        name="S",
        label="sequence length",
        unit="token",
        aliases=("seq_len", "seqlen", "sequence_length", "context_length"),
    ),
    Role(name="R", label="rank", unit="rank", aliases=("rank", "lora_rank")),
    Role(name="X", label="x"),
)
_OTHERS = (
    Role(
        name="loss",
        label="loss",
        unit="loss",
        aliases=("loss", "eval_loss", "val_loss", "valid_loss", "validation_loss", "test_loss"),
    ),
    Role(
        name="memory",
        label="memory",
        unit=BYTES,
        aliases=(
            "memory",
            "memory_bytes",
            "peak_allocated_bytes",
            "peak_memory_bytes",
            "peak_reserved_bytes",
            "peak_memory",
            "peak_allocated",
            "peak_reserved",
        ),
    ),
    Role(name="run", label="training run", aliases=("run", "run_id", "run_name")),
    Role(name="method", label="method", aliases=("method", "method_name")),
    Role(name="model", label="model", aliases=("model", "model_name", "backbone")),
    Role(name="data", label="data", aliases=("data", "dataset")),
    Role(name="seed", label="seed", aliases=("seed", "random_seed")),
    Role(name="budget", label="budget", aliases=("budget", "compute_budget", "flop_budget", "token_budget")),
    Role(name="weight", label="weight"),  # never by its name alone: it would change a fit unasked
    Role(name="censored", label="censored", aliases=("censored",)),
    Role(name="status", label="status"),  # by its name only where it tells what fitted and what did not
)
ROLES = {role.name: role for role in (*_PREDICTORS, *_OTHERS)}
"""Name -> role, predictors first."""
PREDICTORS = tuple(role.name for role in _PREDICTORS)
SETTINGS = ("model", "data", "seed", "budget")
"""Roles by which runs of two methods are matched."""
RESPONSES = ("loss", "memory")

LONG_NAMES = {"compute": "C", "tokens": "D", "params": "N", "trainable": "T", "seq-len": "S", "rank": "R"}
"""What commands also call predictors."""


def predictor(name: str) -> str | None:
    """The role of the predictor that is called ``name`` or has it as long name; ``None``: no role."""
    found = LONG_NAMES.get(name.replace("_", "-"), name)
    return found if found in PREDICTORS else None


def axis_name(name: str) -> str:
    """What a table calls the predictor ``name``: its role, or the column itself."""
    return predictor(name) or name


def role_named(name: str) -> Role:
    """The role called ``name``; a long name of a predictor will do.

    Raises:
        UnknownNameError: there is none.
    """
    found = predictor(name) or name
    if found not in ROLES:
        raise UnknownNameError("role in --columns", name, [*ROLES, *LONG_NAMES])
    return ROLES[found]


def column_of(role: Role, columns: Iterable[str]) -> str | None:
    """The column that plays ``role`` by its name: the role's own, or else the first of its aliases in any spelling."""
    names = list(columns)
    if role.name in names and role.name not in ("weight", "status"):
        return role.name
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[alias] for alias in role.aliases if alias in plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
