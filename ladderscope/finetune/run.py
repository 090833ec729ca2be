"""A training run from settings to a saved model: what is done already is not done again."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ladderscope.backbones.loading import DTYPES, load_backbone, load_tokenizer
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.backbones.wheel import smollm2_folder
from ladderscope.environment import describe_environment
from ladderscope.errors import UsageError
from ladderscope.finetune.cached import cached_run
from ladderscope.finetune.callbacks import Progress, Watch
from ladderscope.finetune.card import write_card
from ladderscope.finetune.dataset import TrainingData, prepare_data
from ladderscope.finetune.folder import RunFolder, read_state
from ladderscope.finetune.settings import TrainSettings
from ladderscope.finetune.start import Run, build_model, start_from_data
from ladderscope.finetune.trainer import CellTrainer, count_steps, with_steps
from ladderscope.measure import count_parameters
from ladderscope.training.loss import LOSS_FUNCTIONS

FINISHED = "finished"


def train(
    settings: TrainSettings,
    progress: Progress,
    stop: threading.Event,
    *,
    resume: bool = True,
    force: bool = False,
    refill: bool = False,
) -> dict[str, Any]:
    """Train, or go on where an earlier process stopped.

    Args:
        settings: the run.
        progress: is told.
        stop: once set, the run ends behind the running step, with a checkpoint.
        resume: go on from the last checkpoint; without it, an unfinished run begins again.
        force: begin again, even if the run is finished.
        refill: make the cached taps again, whatever their folder holds.

    Returns:
        What ``training.json`` holds. Its ``status`` is ``finished``, or ``running`` where ``stop`` came first.

    Raises:
        UsageError: the folder holds something else, or a run with other settings.
        LadderscopeError: the loss is no longer finite.
    """
    folder = RunFolder(settings.out)
    with folder.locked():
        earlier = folder.read()
        if earlier is not None and (force or (not resume and earlier["status"] != FINISHED)):
            earlier = None
        if earlier is not None:
            _check_same(settings, earlier, folder.path)
            if earlier["status"] == FINISHED:
                progress.say(f"{folder.path} is already trained; --force to train again.")
                return earlier
        return _train(settings, folder, earlier, progress, stop, refill=refill)


def _check_same(settings: TrainSettings, earlier: Mapping[str, Any], path: Path) -> None:
    ours, theirs = settings.identity(), earlier["identity"]
    differing = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    if not differing:
        return
    named = ", ".join(f"{name} was {theirs.get(name)}, now {ours.get(name)}" for name in differing)
    way_out = "--force trains again" if earlier["status"] == FINISHED else "--no-resume begins again"
    raise UsageError(
        f"the run in {path} was made with other settings ({named}): give the same, or choose another --out; {way_out}."
    )


def _train(
    settings: TrainSettings,
    folder: RunFolder,
    earlier: Mapping[str, Any] | None,
    progress: Progress,
    stop: threading.Event,
    *,
    refill: bool,
) -> dict[str, Any]:
    name = resolve_name(settings.cell.model)
    if name.kind == "wheel":
        smollm2_folder(progress.say)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = load_tokenizer(name)
    data = prepare_data(settings, tokenizer, device)
    _check_vocabulary(data, settings.cell.model)
    settings = with_steps(settings, count_steps(settings, len(data.rows)))
    run = _begin(settings, folder, earlier, data)
    folder.drop_torn_checkpoints()
    if settings.cell.steps not in folder.checkpoints():
        _run_trainer(settings, folder, run, data, device, progress, stop, refill=refill)
    checkpoint = folder.checkpoints().get(settings.cell.steps)
    if checkpoint is None:
        return run
    return _finish(settings, folder, run, checkpoint, tokenizer)


def _check_vocabulary(data: TrainingData, model: str) -> None:
    size = backbone_config(resolve_name(model)).get_text_config().vocab_size
    largest = max(int(ids.max()) for ids in (data.rows.input_ids, *(batch.input_ids for batch in data.held_out)))
    if largest >= size:
        raise UsageError(
            f"the tokenizer of {model} gives token {largest}, but the model knows {size} only: give a model with the "
            "tokenizer that belongs to it."
        )


def _begin(
    settings: TrainSettings, folder: RunFolder, earlier: Mapping[str, Any] | None, data: TrainingData
) -> dict[str, Any]:
    if earlier is None:
        folder.clear()  # not sooner: all that could be wrong with the settings has been looked at by now
        run = {"status": "running", "identity": settings.identity(), "settings": _all_settings(settings)}
        run["data"] = data.summary
        folder.write(run)
        return run
    if earlier["data"]["fingerprint"] != data.summary["fingerprint"]:
        raise UsageError(
            f"the data of the run in {folder.path} has changed since it began: choose another --out, or begin again "
            "with --no-resume."
        )
    return dict(earlier)


def _all_settings(settings: TrainSettings) -> dict[str, Any]:
    return {
        **settings.identity(),
        "steps": settings.cell.steps,
        "save_every": settings.save_every,
        "keep": settings.keep,
    }


def _run_trainer(
    settings: TrainSettings,
    folder: RunFolder,
    run: dict[str, Any],
    data: TrainingData,
    device: torch.device,
    progress: Progress,
    stop: threading.Event,
    *,
    refill: bool,
) -> None:
    last = max(folder.checkpoints().items(), default=None)
    if last is not None:
        progress.say(f"Going on from step {last[0]} of {settings.cell.steps}.")
    if settings.cache_taps is None:
        made = _whole_run(settings, data, device, resumed=last is not None)
    else:
        cached = cached_run(settings, data, device, progress.say, stop, refill=refill)
        if cached is None:
            return
        made = cached
    run["parameters"] = {"trainable": made.parameters.trainable, "total": made.parameters.total}
    folder.write(run)
    trainer = CellTrainer(
        settings, made.model, made.data, made.loss, [Watch(progress, stop)], resumed=last is not None
    )
    if stop.is_set():
        return
    trainer.train(resume_from_checkpoint=str(last[1]) if last is not None else None)


def _whole_run(settings: TrainSettings, data: TrainingData, device: torch.device, *, resumed: bool) -> Run:
    cell = settings.cell
    backbone = load_backbone(resolve_name(cell.model), DTYPES[cell.dtype], cell.quantization, device, cell.seed)
    model = build_model(backbone.model, cell)
    if not resumed:  # a checkpoint holds what was found
        start_from_data(model, cell, data.rows, device)
    if cell.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return Run(model, count_parameters(model), data, LOSS_FUNCTIONS[cell.loss_impl])


def _finish(
    settings: TrainSettings, folder: RunFolder, run: dict[str, Any], checkpoint: Path, tokenizer: Any
) -> dict[str, Any]:
    cell = settings.cell
    history = read_state(checkpoint)["log_history"]
    steps = [_step(entry) for entry in history if "loss" in entry]
    evaluations = [{"step": entry["step"], "loss": entry["eval_loss"]} for entry in history if "eval_loss" in entry]
    run.update(
        tokens_per_step=cell.tokens_per_step,
        eval_loss={"before": evaluations[0]["loss"], "after": evaluations[-1]["loss"]} if evaluations else None,
        seconds=math.fsum(step["seconds"] for step in steps),
        environment=describe_environment(),
        evaluations=evaluations,
        steps=steps,
    )
    folder.take_model(checkpoint)
    tokenizer.save_pretrained(folder.path)
    write_card(folder.path, run)
    run["status"] = FINISHED
    folder.write(run)
    if settings.keep == 0:
        folder.drop_checkpoints()
    return run


def _step(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = {"step": "step", "loss": "loss", "lr": "learning_rate", "grad_norm": "grad_norm", "seconds": "seconds"}
    return {ours: entry.get(theirs) for ours, theirs in names.items()}
