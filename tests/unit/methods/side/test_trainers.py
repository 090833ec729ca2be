"""Training through transformers' Trainer and TRL's SFTTrainer, as their users do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, SideLayer, XLadderConfig

MakeModel = Callable[..., Any]


class Rows(Dataset[dict[str, Tensor]]):
    """Rows of different lengths, the ends of which have no labels; padded by no one."""

    def __init__(self, num_rows: int = 16) -> None:
        generator = torch.Generator().manual_seed(3)
        self.rows = torch.randint(3, 500, (num_rows, 12), generator=generator)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids, mask = self.rows[index].clone(), torch.ones(12, dtype=torch.long)
        mask[12 - index % 4 :] = 0
        return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


def arguments(folder: Path, **settings: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": 2,
        "per_device_eval_batch_size": 4,
        "max_steps": 4,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
        "dataloader_pin_memory": False,
        **settings,
    }


def losses_of(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def trained(model: Any, folder: Path, **settings: Any) -> list[float]:
    trainer = Trainer(model, TrainingArguments(**arguments(folder, **settings)), train_dataset=Rows())
    trainer.train()
    return losses_of(trainer)


class TestTransformersTrainer:
    @pytest.mark.parametrize("make_config", [LSTConfig, LadderConfig])
    def test_gradient_checkpointing_changes_nothing(self, make_config: Any, tuned: MakeModel, tmp_path: Path) -> None:
        plain = trained(tuned(make_config), tmp_path)
        assert len(plain) == 4
        assert trained(tuned(make_config), tmp_path, gradient_checkpointing=True) == pytest.approx(plain, rel=1e-3)

    def test_a_checkpoint_holds_the_adapter_and_goes_on_from_there(
        self, tuned: MakeModel, backbone: MakeModel, logits: Callable[..., Tensor], token_ids: Tensor, tmp_path: Path
    ) -> None:
        settings = {"save_strategy": "steps", "save_steps": 2}
        whole = tuned()
        expected = trained(whole, tmp_path / "whole", **settings)
        checkpoint = tmp_path / "whole" / "checkpoint-2"
        names = {path.name for path in checkpoint.iterdir()}
        assert {"adapter_model.safetensors", "adapter_config.json"} <= names
        assert "model.safetensors" not in names
        resumed = tuned()
        trainer = Trainer(resumed, TrainingArguments(**arguments(tmp_path / "whole")), train_dataset=Rows())
        trainer.train(resume_from_checkpoint=str(checkpoint))
        assert losses_of(trainer) == expected
        assert torch.equal(logits(resumed.eval(), token_ids), logits(whole.eval(), token_ids))
        loaded = PeftModel.from_pretrained(backbone(), tmp_path / "whole" / "checkpoint-4")
        assert torch.equal(logits(loaded, token_ids), logits(whole, token_ids))

    @pytest.mark.parametrize("settings", [{}, {"gradient_accumulation_steps": 2}], ids=str)
    def test_the_chunked_loss_gives_the_same_losses(
        self, settings: dict[str, Any], tuned: MakeModel, tmp_path: Path
    ) -> None:
        expected = trained(tuned(), tmp_path, **settings)
        actual = trained(tuned(loss_impl="chunked"), tmp_path, **settings)
        assert actual == pytest.approx(expected, rel=1e-3)  # the Trainer logs four digits

    def test_evaluation_with_the_chunked_loss(self, tuned: MakeModel, tmp_path: Path) -> None:
        def evaluated(model: Any) -> float:
            args = TrainingArguments(**arguments(tmp_path))
            loss: float = Trainer(model, args, eval_dataset=Rows()).evaluate()["eval_loss"]
            return loss

        assert evaluated(tuned(loss_impl="chunked")) == pytest.approx(evaluated(tuned()), rel=1e-5)


class TestTheChunkedLossInTheModel:
    """``loss_impl="chunked"``: a loss without logits, where a loss alone is asked for."""

    def test_replaces_the_output_only_where_labels_are_given(self, tuned: MakeModel, token_ids: Tensor) -> None:
        model = tuned(loss_impl="chunked")
        with_labels = model(token_ids, labels=token_ids)
        assert with_labels.logits is None
        torch.testing.assert_close(with_labels.loss, tuned()(token_ids, labels=token_ids).loss)
        assert model(token_ids).logits is not None
        assert model(token_ids, labels=token_ids, return_dict=False)[0] == with_labels.loss
        assert model(token_ids, labels=token_ids, use_cache=True).loss == with_labels.loss

    def test_leaves_calls_that_need_more_than_a_loss_to_the_model(self, tuned: MakeModel, token_ids: Tensor) -> None:
        model, inputs = tuned(loss_impl="chunked"), {"labels": token_ids}
        assert len(model(token_ids, output_hidden_states=True, **inputs).hidden_states) == 5
        embeddings = model.get_input_embeddings()(token_ids)
        assert model(inputs_embeds=embeddings, **inputs).logits is not None
        with model.disable_adapter():
            assert model(token_ids, **inputs).logits is not None

    def test_its_first_call_does_not_decide_the_principal_directions(
        self, tuned: MakeModel, train: Callable[..., list[float]], token_ids: Tensor
    ) -> None:
        model = tuned(loss_impl="chunked").train()
        projections = model.base_model.side_layer.network.projections
        with torch.no_grad():
            model(token_ids, labels=token_ids)
        assert not any(projection.is_fitted for projection in projections.values())
        expected = train(tuned(), token_ids, steps=3)  # from the whole batch, not from the few tokens of the probe
        assert train(model, token_ids, steps=3) == pytest.approx(expected, rel=1e-4)


@pytest.fixture
def text_data() -> Any:
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_dict({"input_ids": [row.tolist() for row in Rows().rows]})


@pytest.fixture
def tokenizer() -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<s>": 1, "</s>": 2} | {f"w{i}": i for i in range(3, 512)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<pad>")),
        pad_token="<pad>",
        eos_token="</s>",
    )


class TestSFTTrainer:
    def train(self, model: Any, peft_config: Any, data: Any, tokenizer: Any, folder: Path, **settings: Any) -> Any:
        trl = pytest.importorskip("trl")
        torch.manual_seed(1)
        trainer = trl.SFTTrainer(
            model=model,
            args=trl.SFTConfig(**arguments(folder, bf16=False, **settings)),
            train_dataset=data,
            processing_class=tokenizer,
            peft_config=peft_config,
        )
        trainer.train()
        return trainer

    @pytest.mark.parametrize("make_config", [QSTConfig, XLadderConfig])
    def test_learns_with_its_defaults(
        self, make_config: Any, backbone: MakeModel, text_data: Any, tokenizer: Any, tmp_path: Path
    ) -> None:
        config = make_config(reduction_factor=2, task_type="CAUSAL_LM")
        trainer = self.train(backbone(), config, text_data, tokenizer, tmp_path)
        assert trainer.args.gradient_checkpointing
        layer = next(module for module in trainer.model.modules() if isinstance(module, SideLayer))
        assert len(losses_of(trainer)) == 4
        assert all(p.grad is None for p in trainer.model.parameters() if not p.requires_grad)
        assert layer.network.config is config
        trainer.save_model(str(tmp_path / "saved"))
        assert (tmp_path / "saved" / "adapter_model.safetensors").is_file()

    def test_has_a_chunked_loss_of_its_own_beside_which_ours_steps_back(
        self, backbone: MakeModel, text_data: Any, tokenizer: Any, tmp_path: Path
    ) -> None:
        losses = [
            losses_of(
                self.train(
                    backbone(),
                    LadderConfig(reduction_factor=2, loss_impl=loss_impl, task_type="CAUSAL_LM"),
                    text_data,
                    tokenizer,
                    tmp_path,
                )
            )
            for loss_impl in ("full", "chunked")
        ]
        assert losses[1] == pytest.approx(losses[0], rel=1e-3)
