"""Trains side networks of different choices on the same taps of SmolLM2-135M, and compares their evaluation loss.

The backbone runs once over all items; its hidden states (2.5 GB in fp16) go to --work; every choice then trains its
side network alone. Some minutes per choice on two cores. From the repository root:

    python -m studies.side_choices.run --work /tmp/taps [--only PART_OF_NAME] [--steps 60]
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from ladderscope import calibrate, smollm2_folder
from ladderscope.methods.side.calibration import find_side_layer
from ladderscope.tapcache import hollow
from studies.side_choices.choices import CHOICES, Choice

TRAIN_ITEMS, EVAL_ITEMS, TOKENS, BATCH = 480, 48, 128, 4
CALIBRATION_TOKENS = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the hidden states")
    parser.add_argument("--only", default="", help="part of the name of the choices to train")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.jsonl"))
    options = parser.parse_args()
    ids, mask = _items()
    hidden = _hidden_states(options.work, ids, mask)
    for choice in CHOICES:
        if options.only in choice.name:
            result = {"choice": choice.name, "steps": options.steps, "seed": options.seed}
            result |= _Run(choice, ids, mask, hidden, options.steps, options.seed).train()
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
            print(result)


def _items() -> tuple[Tensor, Tensor]:
    """Token ids and mask (items, tokens) of maths problems with their numeric answer, padded on the right."""
    import reasoning_gym

    tokenizer: Any = AutoTokenizer.from_pretrained(smollm2_folder())
    number = TRAIN_ITEMS + EVAL_ITEMS
    ids, mask = torch.zeros(number, TOKENS, dtype=torch.long), torch.zeros(number, TOKENS, dtype=torch.long)
    problems: Any = reasoning_gym.create_dataset("gsm_symbolic", size=560, seed=7)
    for row, problem in enumerate(islice(problems, number)):
        text = f"{problem['question']}\n{problem['answer']}{tokenizer.eos_token}"
        tokens = tokenizer(text)["input_ids"][:TOKENS]
        ids[row, : len(tokens)], mask[row, : len(tokens)] = torch.tensor(tokens), 1
    return ids, mask


def _hidden_states(folder: Path, ids: Tensor, mask: Tensor) -> Any:
    """(items, blocks + 1, tokens, H) in fp16, the embeddings first; made at the first call."""
    path = folder / "hidden.npy"
    if not path.exists():
        model: Any = AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.float32).eval()
        shape = (len(ids), model.config.num_hidden_layers + 1, TOKENS, model.config.hidden_size)
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        states = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
        for start in range(0, len(ids), 16):
            for index, output in _outputs(model, ids[start : start + 16], mask[start : start + 16]):
                states[start : start + 16, index] = output.half().numpy()
        states.flush()
        part.rename(path)
    return np.load(path, mmap_mode="r")


@torch.no_grad()
def _outputs(model: Any, ids: Tensor, mask: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The embeddings and the output of every block, before the final norm."""
    outputs = {0: model.get_input_embeddings()(ids)}
    for index, block in enumerate(model.model.layers):
        block.register_forward_hook(lambda _, __, output, i=index: outputs.__setitem__(i + 1, output))
    model.model(input_ids=ids, attention_mask=mask, use_cache=False)
    for block in model.model.layers:
        block._forward_hooks.clear()
    yield from outputs.items()


class _Run:
    """One choice, trained with AdamW, 5% warm-up and a cosine, under bf16 autocast."""

    def __init__(self, choice: Choice, ids: Tensor, mask: Tensor, hidden: Any, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.choice, self.steps, self.seed, self.hidden = choice, steps, seed, hidden
        self.labels = ids.masked_fill(mask == 0, -100)
        backbone = AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.float32)
        config = choice.config()
        config.task_type = "CAUSAL_LM"
        self.model: Any = get_peft_model(backbone, config)
        batches = [{"input_ids": ids[i : i + 8], "attention_mask": mask[i : i + 8]} for i in range(0, TRAIN_ITEMS, 8)]
        calibrate(self.model, batches, CALIBRATION_TOKENS)
        hollow(self.model)
        self.layer = find_side_layer(self.model)

    def train(self) -> dict[str, Any]:
        """Evaluation loss before and after."""
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=self.choice.lr, weight_decay=0.0)
        warm = max(1, self.steps // 20)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: min(1, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / self.steps)),
        )
        before = self.evaluate()
        for rows in islice(self._rows(), self.steps):
            self.model.train()
            self._loss(rows).backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        trainable = sum(parameter.numel() for parameter in parameters)
        return {"trainable": trainable, "before": round(before, 4), "after": round(self.evaluate(), 4)}

    @torch.no_grad()
    def evaluate(self) -> float:
        """Mean nats per token of the items that are not trained on."""
        self.model.eval()
        total, tokens = 0.0, 0
        for start in range(TRAIN_ITEMS, TRAIN_ITEMS + EVAL_ITEMS, 8):
            rows = np.arange(start, start + 8)
            number = int((self.labels[rows, 1:] != -100).sum())
            total, tokens = total + self._loss(rows).item() * number, tokens + number
        return total / tokens

    def _rows(self) -> Iterator[Any]:
        order = np.random.RandomState(self.seed)
        while True:
            shuffled = order.permutation(TRAIN_ITEMS)
            for start in range(0, TRAIN_ITEMS, BATCH):
                yield np.sort(shuffled[start : start + BATCH])

    def _loss(self, rows: Any) -> Tensor:
        hidden = torch.from_numpy(np.ascontiguousarray(self.hidden[rows])).float()
        taps = {tap: self.layer.network.project(tap, hidden[:, tap + 1]) for tap in self.layer.network.taps}
        taps[hidden.shape[1] - 1] = hidden[:, -1]
        with self.layer.lockstep.give(taps), torch.autocast("cpu", torch.bfloat16):
            loss: Tensor = self.model(input_ids=self.labels[rows].clamp_min(0), labels=self.labels[rows]).loss
        return loss


if __name__ == "__main__":
    main()
