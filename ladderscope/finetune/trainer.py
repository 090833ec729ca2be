"""transformers' ``Trainer`` with the package's loss, optimizer and evaluation."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from ladderscope.finetune.dataset import TrainingData, collate
from ladderscope.finetune.evaluation import evaluation_loss
from ladderscope.finetune.settings import SCHEDULES, TrainSettings
from ladderscope.training.batches import NumberedBatch
from ladderscope.training.loss import LossFunction
from ladderscope.training.optimizer import make_optimizer

_CHECKPOINTS_PER_RUN = 10


def count_steps(settings: TrainSettings, num_rows: int) -> int:
    """Optimizer steps of a run over ``num_rows`` rows; the last step of an epoch may have fewer rows."""
    if settings.steps is not None:
        return settings.steps
    assert settings.epochs is not None
    batches = math.ceil(num_rows / settings.cell.batch_size)
    return max(1, math.ceil(settings.epochs * math.ceil(batches / settings.cell.gradient_accumulation)))


class CellTrainer(Trainer):
    """Trains a model as the settings say.

    Args:
        settings: with ``cell.steps`` filled in.
        model: as the cell's method built it.
        data: training rows and held-out batches.
        loss: sum of the token losses of a batch.
        callbacks: are told of the progress.
        resumed: whether the evaluation before training was made by an earlier process.
    """

    # Inherited from a base class that carries no types.
    optimizer: torch.optim.Optimizer | None
    control: Any

    def __init__(
        self,
        settings: TrainSettings,
        model: Any,
        data: TrainingData,
        loss: LossFunction,
        callbacks: list[TrainerCallback],
        *,
        resumed: bool,
    ) -> None:
        self._settings = settings
        self._loss = loss
        self._held_out = data.held_out
        super().__init__(
            model=model,
            args=_arguments(settings, model, evaluates=bool(data.held_out), resumed=resumed),
            train_dataset=data.rows,
            eval_dataset=data.held_out or None,
            data_collator=collate,
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        # compute_loss divides by the trained tokens of the whole step, whatever the model's own forward takes.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Sum of the micro-batch's token losses over the number of trained tokens of the whole step, in nats."""
        batch = NumberedBatch(inputs["input_ids"], inputs["labels"], inputs["row"])
        tokens = batch.num_trained_tokens if num_items_in_batch is None else num_items_in_batch
        loss = self._loss(model, batch) / tokens
        return (loss, None) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The cell's optimizer."""
        if self.optimizer is None:
            cell = self._settings.cell
            parameters = (self.model if model is None else model).parameters()
            self.optimizer = make_optimizer(cell.optimizer, parameters, cell.lr, self._settings.weight_decay)
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Mean loss per trained token of the held-out batches; Trainer's own is a mean over batches."""
        metrics = {"eval_loss": evaluation_loss(self.model, self._held_out, self._loss)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def _arguments(settings: TrainSettings, model: Any, *, evaluates: bool, resumed: bool) -> TrainingArguments:
    cell = settings.cell
    arguments = TrainingArguments(
        output_dir=str(settings.out),
        max_steps=cell.steps,
        per_device_train_batch_size=cell.batch_size,
        gradient_accumulation_steps=cell.gradient_accumulation,
        learning_rate=cell.lr,
        lr_scheduler_type=SCHEDULES[settings.schedule],
        warmup_steps=int(settings.warmup_ratio * cell.steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        seed=cell.seed,
        data_seed=cell.seed,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=settings.eval_every or cell.steps,
        eval_on_start=evaluates and not resumed,
        save_strategy="steps",
        save_steps=settings.save_every or math.ceil(cell.steps / _CHECKPOINTS_PER_RUN),
        save_total_limit=max(1, settings.keep),
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would show an invented loss where the loss is not finite
        remove_unused_columns=False,
        # The loss functions switch the cache off themselves; this one ends up in the config of a saved full model.
        use_cache=bool(getattr(model.config, "use_cache", True)),
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )
    # Several GPUs would become replicas in one process, which side networks refuse.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def with_steps(settings: TrainSettings, steps: int) -> TrainSettings:
    """The settings with the number of steps filled in."""
    return dataclasses.replace(settings, cell=dataclasses.replace(settings.cell, steps=steps))
