"""The options that say where cells run: ``--executor`` and, for each engine of ours, one for each of its fields."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.sweep.executors import ENGINES, LOCAL, find_engine
from ladderscope.sweep.executors.engine import Engine, EngineOptions
from ladderscope.yaml_files import read_mapping

Command = Callable[..., Any]


@dataclass(frozen=True)
class Choice:
    """The executor that the user chose; without an engine it is the processes of this machine."""

    name: str
    engine: Engine | None = None
    options: EngineOptions | None = None


def executor_options(command: Command) -> Command:
    """Adds the options; :func:`take_choice` takes them out of what click gives."""
    for name in reversed(ENGINES):
        options = find_engine(name).options
        for field in reversed(dataclasses.fields(options)):
            command = _option(name, options, field)(command)
    config_help = "The options of the executor, by their names without its own: `partition: gpu`."
    command = click.option(
        "--executor-config", type=click.Path(path_type=Path), metavar="FILE.yaml", help=config_help
    )(command)
    help = f"{LOCAL}, {', '.join(ENGINES)}, or one that an installed package adds."
    return click.option("--executor", default=LOCAL, show_default=True, help=help)(command)


def take_choice(options: dict[str, Any]) -> Choice:
    """What the user chose; ``options`` keeps what is not about executors.

    Raises:
        UnknownNameError: no such executor, or no such field in its file.
        UsageError: an option of another executor, or a value that cannot be.
    """
    name, config = options.pop("executor"), options.pop("executor_config")
    given = {engine: _taken(engine, options) for engine in ENGINES}
    for other, values in given.items():
        if values and other != name:
            flag = _flag(other, next(iter(values)))
            raise UsageError(f"{flag} is for --executor {other}: give that with it, or leave it out.")
    if name == LOCAL:
        if config is not None:
            raise UsageError(f"--executor-config is for an engine, such as {', '.join(ENGINES)}: give --executor too.")
        return Choice(LOCAL)
    engine = find_engine(name)
    values = {**_read(config, engine.options), **given.get(name, {})}
    return Choice(name, engine, _checked(engine.options, values))


def _option(name: str, options: type[EngineOptions], field: dataclasses.Field[Any]) -> Callable[[Command], Command]:
    default = "" if field.default is None else f"  [default: {field.default}]"
    return click.option(
        _flag(name, field.name),
        type=_type_of(options, field.name),
        metavar=field.metadata["metavar"],
        help=field.metadata["help"] + default,
    )


def _flag(engine: str, field: str) -> str:
    return f"--{engine}-{field}".replace("_", "-")


def _type_of(options: type[EngineOptions], field: str) -> Any:
    hint = typing.get_type_hints(options)[field]
    return next((kind for kind in typing.get_args(hint) if kind is not type(None)), hint)


def _taken(engine: str, options: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(find_engine(engine).options)]
    values = {name: options.pop(f"{engine}_{name}") for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _read(path: Path | None, options: type[EngineOptions]) -> dict[str, Any]:
    if path is None:
        return {}
    values = read_mapping(path, "--executor-config", "map options such as `cpus` to values")
    known = [field.name for field in dataclasses.fields(options)]
    named = {str(name).replace("-", "_"): value for name, value in values.items()}
    for name in named:
        if name not in known:
            raise UnknownNameError(f"option in {path}", name, known)
    return named


def _checked(options: type[EngineOptions], values: Mapping[str, Any]) -> EngineOptions:
    for field in dataclasses.fields(options):
        value = values.get(field.name)
        if value is None:
            continue
        kind, least = _type_of(options, field.name), field.metadata.get("least")
        accepted = (int, float) if kind is float else kind
        if not isinstance(value, accepted) or isinstance(value, bool) is not (kind is bool):
            raise UsageError(f"{field.name} of the executor must be of type {kind.__name__}, not {value!r}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{field.name} of the executor must be a finite number, not {value!r}.")
        if least is not None and value < least:
            raise UsageError(f"{field.name} of the executor must be at least {least}, not {value!r}.")
    return options(**values)
