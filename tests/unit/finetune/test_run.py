"""Runs from settings to a saved model, with every method."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from ladderscope.backbones.loading import load_backbone, load_tokenizer
from ladderscope.backbones.names import resolve_name
from ladderscope.errors import LadderscopeError, UsageError
from ladderscope.finetune.dataset import prepare_data
from ladderscope.finetune.evaluation import evaluation_loss
from ladderscope.finetune.run import train
from ladderscope.finetune.settings import TrainSettings
from ladderscope.methods import METHODS

MakeSettings = Callable[..., TrainSettings]
MakeRecorder = Callable[..., Any]
CPU = torch.device("cpu")
ADAPTER_METHODS = sorted(set(METHODS) - {"full"})


def run(settings: TrainSettings, recorder: Any, **how: Any) -> dict[str, Any]:
    return train(settings, recorder, recorder.stop, **how)


def losses(values: dict[str, Any]) -> list[float]:
    return [step["loss"] for step in values["steps"]]


def evaluate(model: nn.Module, settings: TrainSettings) -> float:
    tokenizer = load_tokenizer(resolve_name(settings.cell.model))
    return evaluation_loss(model, prepare_data(settings, tokenizer, CPU).held_out)


# ---------------------------------------------------------------- what a run gives


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_a_saved_adapter_loads_and_gives_the_same_evaluation_loss(
    method: str, settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    ours = settings(method=method)
    done = run(ours, make_recorder())
    assert done["eval_loss"]["after"] < done["eval_loss"]["before"]
    cell = ours.cell
    backbone = load_backbone(resolve_name(cell.model), torch.float32, cell.quantization, CPU, seed=5).model
    loaded = PeftModel.from_pretrained(backbone, ours.out)
    assert evaluate(loaded, ours) == pytest.approx(done["eval_loss"]["after"], rel=1e-6)


@pytest.mark.parametrize("method", ["lora", "ladder"])
def test_the_auto_class_finds_backbone_and_tokenizer(
    method: str, settings: MakeSettings, make_recorder: MakeRecorder, tiny_folder: Path
) -> None:
    ours = settings(method=method, quantization="none")
    done = run(ours, make_recorder())
    loaded = AutoPeftModelForCausalLM.from_pretrained(ours.out, dtype=torch.float32)
    assert evaluate(loaded, ours) == pytest.approx(done["eval_loss"]["after"], rel=1e-6)
    assert (
        AutoTokenizer.from_pretrained(ours.out).get_vocab() == AutoTokenizer.from_pretrained(tiny_folder).get_vocab()
    )
    assert json.loads((ours.out / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_folder)


def test_full_fine_tuning_saves_the_whole_model(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    ours = settings(method="full", lr=1e-3)
    done = run(ours, make_recorder())
    loaded = AutoModelForCausalLM.from_pretrained(ours.out, dtype=torch.float32)
    assert evaluate(loaded, ours) == pytest.approx(done["eval_loss"]["after"], rel=1e-6)
    assert loaded.config.use_cache
    assert AutoTokenizer.from_pretrained(ours.out).eos_token == "<eos>"


def test_the_folder_holds_adapter_tokenizer_and_record(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    ours = settings(keep=0, save_every=None)
    done = run(ours, make_recorder())
    assert {path.name for path in ours.out.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "README.md",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "training.json",
    }
    assert json.loads((ours.out / "training.json").read_text()) == {"format": "ladderscope-training-1", **done}
    assert done["settings"]["steps"] == 6
    assert done["seconds"] == pytest.approx(sum(step["seconds"] for step in done["steps"]))
    assert torch.__version__.startswith(done["environment"]["torch"])  # which leaves the build out


def test_losses_are_reported_before_at_every_interval_and_after(
    settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    recorder = make_recorder()
    done = run(settings(eval_every=4), recorder)
    assert recorder.steps == [1, 2, 3, 4, 5, 6]
    assert recorder.losses == losses(done)
    assert recorder.evaluations == [each["step"] for each in done["evaluations"]] == [0, 4, 6]


def test_without_held_out_data_there_is_no_evaluation(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    done = run(settings(eval_fraction=0, steps=1), make_recorder())
    assert (done["eval_loss"], done["evaluations"]) == (None, [])


# ---------------------------------------------------------------- how it trains


def test_a_step_averages_over_the_tokens_of_all_its_micro_batches(
    settings: MakeSettings, make_recorder: MakeRecorder, tmp_path: Path
) -> None:
    whole = run(settings(batch_size=4, steps=3), make_recorder())
    parts = run(settings(batch_size=1, gradient_accumulation=4, steps=3, out=str(tmp_path / "b")), make_recorder())
    assert losses(whole) == pytest.approx(losses(parts), rel=1e-5)


@pytest.mark.parametrize("loss_impl", ["full", "chunked"])
def test_the_loss_before_any_update_is_that_of_the_backbone(
    loss_impl: str, settings: MakeSettings, make_recorder: MakeRecorder, tiny_folder: Path
) -> None:
    ours = settings(steps=1, loss_impl=loss_impl)
    done = run(ours, make_recorder())
    plain = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    assert done["eval_loss"]["before"] == pytest.approx(evaluate(plain, ours), rel=1e-6)


def test_checkpointing_and_an_8_bit_optimizer_train_too(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    done = run(settings(gradient_checkpointing=True, optimizer="adamw-8bit"), make_recorder())
    assert done["eval_loss"]["after"] < done["eval_loss"]["before"]


def test_every_row_is_seen_once_per_epoch_in_an_order_of_the_seed(
    settings: MakeSettings, make_recorder: MakeRecorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ladderscope.finetune.trainer import CellTrainer

    seen: dict[int, list[int]] = {}
    compute_loss = CellTrainer.compute_loss

    def watch(self: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        seen[number].extend(inputs["row"].tolist())
        return compute_loss(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(CellTrainer, "compute_loss", watch)
    for number, its_seed in enumerate((0, 0, 1)):
        seen[number] = []
        run(settings(epochs=2, batch_size=4, seed=its_seed, out=str(tmp_path / f"{number}")), make_recorder())
    rows = sorted(set(seen[0]))
    half = len(seen[0]) // 2
    assert rows == list(range(len(rows)))
    assert sorted(seen[0][:half]) == sorted(seen[0][half:]) == rows
    assert seen[0][:half] != seen[0][half:]
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(("schedule", "last"), [("constant", 1.0), ("linear", 1 / 8), ("cosine", 0.0380602)])
def test_the_learning_rate_warms_up_and_follows_its_schedule(
    schedule: str, last: float, settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    done = run(settings(schedule=schedule, warmup_ratio=0.2, steps=10, lr=1.0e-3), make_recorder())
    rates = [step["lr"] / 1e-3 for step in done["steps"]]
    assert rates[:3] == pytest.approx([0, 0.5, 1])
    assert rates[-1] == pytest.approx(last, rel=1e-4)


# ---------------------------------------------------------------- going on


@pytest.mark.parametrize(
    ("method", "optimizer"), [("full", "adamw-8bit"), ("lora", "adamw"), ("qlora", "adamw"), ("ladder", "adamw")]
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(
    method: str, optimizer: str, settings: MakeSettings, make_recorder: MakeRecorder, tmp_path: Path
) -> None:
    values = {"method": method, "optimizer": optimizer, "schedule": "cosine", "epochs": 2, "batch_size": 4}
    values["eval_every"] = 3
    through = run(settings(**values, out=str(tmp_path / "through")), make_recorder())

    stopped, resumed = make_recorder(stop_after=4), make_recorder()
    assert run(settings(**values), stopped)["status"] == "running"
    again = run(settings(**values, save_every=2, keep=2), resumed)

    assert stopped.steps == [1, 2, 3, 4]
    assert resumed.steps[0] == 5
    assert resumed.messages == [f"Going on from step 4 of {len(through['steps'])}."]
    assert losses(again) == losses(through)
    assert again["evaluations"] == through["evaluations"]
    assert again["eval_loss"] == through["eval_loss"]
    assert evaluations_steps(again)[:2] == [0, 3]


def evaluations_steps(values: dict[str, Any]) -> list[int]:
    return [each["step"] for each in values["evaluations"]]


def test_a_checkpoint_that_was_being_written_is_passed_over(
    settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    ours = settings(save_every=2, keep=5)
    run(ours, make_recorder(stop_after=4))
    torn = ours.out / "checkpoint-5"
    shutil.copytree(ours.out / "checkpoint-4", torn)
    (torn / "trainer_state.json").write_text('{"global_step": 5, "log_hist')
    resumed = make_recorder()
    run(ours, resumed)
    assert resumed.steps == [5, 6]
    assert not torn.exists()


def test_a_run_that_died_while_saving_the_model_only_saves_it(
    settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    ours = settings()
    done = run(ours, make_recorder())
    state = json.loads((ours.out / "training.json").read_text())
    (ours.out / "training.json").write_text(json.dumps({**state, "status": "running"}))
    (ours.out / "adapter_model.safetensors").write_bytes(b"torn")
    again = make_recorder()
    assert losses(run(ours, again)) == losses(done)
    assert again.steps == []
    PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(ours.cell.model), ours.out)


def test_a_finished_run_is_not_repeated(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    done = run(settings(), make_recorder())
    again = make_recorder()
    assert run(settings(), again, resume=False) == {"format": "ladderscope-training-1", **done}
    assert again.steps == []
    assert "--force to train again" in again.messages[0]


def test_force_trains_again_and_leaves_other_files_alone(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    ours = settings()
    run(ours, make_recorder())
    (ours.out / "notes.txt").write_text("mine")
    again = make_recorder()
    run(settings(method="full"), again, force=True)
    assert len(again.steps) == 6
    assert (ours.out / "notes.txt").read_text() == "mine"
    assert not (ours.out / "adapter_config.json").exists()


def test_without_resume_an_unfinished_run_begins_again(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    run(settings(), make_recorder(stop_after=3))
    again = make_recorder()
    run(settings(lr=1e-4), again, resume=False)
    assert again.steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("stop_after", "way_out"), [(3, "--no-resume begins again"), (None, "--force trains again")])
def test_other_settings_are_refused_by_name(
    stop_after: int | None, way_out: str, settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    run(settings(), make_recorder(stop_after=stop_after))
    with pytest.raises(UsageError) as error:
        run(settings(lr=0.25, schedule="cosine"), make_recorder())
    assert "(lr was 0.001, now 0.25, schedule was constant, now cosine)" in str(error.value)
    assert way_out in str(error.value)


def test_data_that_has_changed_is_refused(
    settings: MakeSettings, make_recorder: MakeRecorder, sums_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "own.jsonl"
    data.write_text(sums_file.read_text())
    run(settings(data=str(data)), make_recorder(stop_after=3))
    data.write_text(sums_file.read_text().replace("that is all", "that is it"))
    with pytest.raises(UsageError, match=r"the data of the run .* has changed"):
        run(settings(data=str(data)), make_recorder())


# ---------------------------------------------------------------- what ends a run


def test_a_folder_with_foreign_files_is_refused_even_with_force(
    settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    ours = settings()
    ours.out.mkdir()
    (ours.out / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="did not write"):
        run(ours, make_recorder(), force=True)
    assert [path.name for path in ours.out.iterdir()] == ["thesis.tex"]


def test_a_loss_that_is_not_finite_ends_the_run_without_a_checkpoint_of_it(
    settings: MakeSettings, make_recorder: MakeRecorder
) -> None:
    ours = settings(method="full", lr=1e30, max_grad_norm=0, save_every=1, eval_fraction=0)
    with pytest.raises(LadderscopeError, match="no longer a finite number at step") as error:
        run(ours, make_recorder())
    assert "--lr" in str(error.value)
    assert error.value.exit_code == 1
    assert len(list(ours.out.glob("checkpoint-*"))) <= 1


def test_a_tokenizer_that_does_not_belong_to_the_model_is_refused(
    settings: MakeSettings, make_recorder: MakeRecorder, tiny_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "small")
    config = AutoConfig.from_pretrained(tiny_folder, vocab_size=100)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "small")
    with pytest.raises(UsageError, match=r"gives token \d+, but the model knows 100 only"):
        run(settings(model=str(tmp_path / "small")), make_recorder())


def test_a_method_that_the_backbone_cannot_carry_is_refused(
    settings: MakeSettings, make_recorder: MakeRecorder, tiny_folder: Path, tmp_path: Path
) -> None:
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = AutoConfig.for_model("bert", **sizes, vocab_size=512, is_decoder=True)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "bert")
    for path in tiny_folder.glob("tokenizer*"):
        shutil.copy(path, tmp_path / "bert")
    with pytest.raises(UsageError, match=r"ladder cannot be built on .*: .* has no norm after its blocks"):
        run(settings(model=str(tmp_path / "bert"), method="ladder", quantization="none"), make_recorder())


def test_a_refused_run_leaves_a_finished_one_alone(
    settings: MakeSettings, make_recorder: MakeRecorder, sums_file: Path, tmp_path: Path
) -> None:
    ours = settings(steps=1)
    run(ours, make_recorder())
    bad = settings(steps=1, seq_len=2)  # prompts alone fill such rows
    with pytest.raises(UsageError, match="raise the sequence length"):
        run(bad, make_recorder(), force=True)
    assert (ours.out / "adapter_model.safetensors").exists()


def test_only_one_run_at_a_time_in_a_folder(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    from ladderscope.finetune.folder import RunFolder

    ours = settings()
    with RunFolder(ours.out).locked(), pytest.raises(UsageError, match="another run is training"):
        run(ours, make_recorder())


def test_checkpoints_are_kept_as_wished(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    ours = settings(save_every=2, keep=2)
    run(ours, make_recorder())
    assert {path.name for path in ours.out.glob("checkpoint-*")} == {"checkpoint-4", "checkpoint-6"}


# ---------------------------------------------------------------- the card


@pytest.mark.slow
def test_the_code_on_the_card_loads_the_adapter(settings: MakeSettings, make_recorder: MakeRecorder) -> None:
    ours = settings(method="ladder", quantization="nf4-dq", steps=1)
    done = run(ours, make_recorder())
    card = (ours.out / "README.md").read_text()
    assert f"| held out, after 1 steps | {done['eval_loss']['after']:.4f} |" in card
    assert "| quantization | nf4-dq |" in card
    code = card.split("```python\n")[1].split("```")[0] + "\nprint(type(model).__name__)"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ours.out.parent,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert result.stdout.strip() == "PeftModelForCausalLM", result.stderr
