"""Pretrains one backbone, in a process of its own: ``python pretrain.py '{"folder": ..., "width": ...}'``.

It is told all that ``making.pretraining_settings`` gives, which has the defaults. Prints a JSON line with the steps
that are done now and then. A run that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

WARMUP = 0.05
"""Share of the steps over which the rate rises."""
CHECKPOINT_SECONDS = 60.0


def main(settings: dict[str, Any]) -> None:
    """Make the folder ``settings["folder"]``: weights, tokenizer and what was set, with the loss on held-out rows."""
    folder = Path(settings["folder"])
    torch.manual_seed(settings["seed"])
    tokenizer = AutoTokenizer.from_pretrained(settings["tokenizer"])
    ids = torch.tensor(tokenizer(Path(settings["text"]).read_text(encoding="utf-8"))["input_ids"])
    length, batch, peak = settings["length"], settings["batch"], settings["peak_rate"]
    rows = ids[: len(ids) // length * length].view(-1, length)
    held_out, rows = rows[-16:], rows[:-16]
    model = LlamaForCausalLM(_config(settings, len(tokenizer), tokenizer.eos_token_id))
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.95), weight_decay=0.1)
    partial = folder.with_name(f"{folder.name}.partial.pt")
    done = _resume(partial, model, optimizer)
    saved = time.monotonic()
    for step in range(done, settings["steps"]):
        _step(model, optimizer, _batch(rows, step, settings["seed"], batch), (step + 1) / settings["steps"], peak)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(partial, model, optimizer, step + 1)
            saved = time.monotonic()
            print(json.dumps({"steps": step + 1}), flush=True)
    _finish(folder, model, tokenizer, {**settings, "held_out_loss": _loss(model, held_out)})
    partial.unlink(missing_ok=True)


def _config(settings: dict[str, Any], vocabulary: int, end: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=settings["width"],
        num_hidden_layers=settings["depth"],
        num_attention_heads=settings["heads"],
        intermediate_size=settings["ffn_width"],
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=settings["initial"],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )


def _batch(rows: torch.Tensor, step: int, seed: int, batch: int) -> torch.Tensor:
    """Rows of that step: every epoch has its own order, and none is left to a state that a resumed run lacks."""
    per_epoch = len(rows) // batch
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed * 1000 + epoch))
    return rows[order[place * batch : (place + 1) * batch]]


def _step(model: Any, optimizer: torch.optim.Optimizer, batch: torch.Tensor, share: float, peak: float) -> None:
    """A step at which that ``share`` of the steps is done."""
    rate = peak * min(share / WARMUP, 0.1 + 0.45 * (1 + math.cos(math.pi * share)))
    for group in optimizer.param_groups:
        group["lr"] = rate
    model(input_ids=batch, labels=batch).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@torch.no_grad()
def _loss(model: Any, rows: torch.Tensor) -> float:
    model.eval()
    return float(model(input_ids=rows, labels=rows).loss)


def _save(path: Path, model: Any, optimizer: torch.optim.Optimizer, steps: int) -> None:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "steps": steps}
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def _resume(path: Path, model: Any, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["steps"])


def _finish(folder: Path, model: Any, tokenizer: Any, said: dict[str, Any]) -> None:
    """The folder appears as a whole: one that is there is finished."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    model.save_pretrained(new)
    tokenizer.save_pretrained(new)
    (new / "pretraining.json").write_text(json.dumps(said, indent=2), encoding="utf-8")
    new.rename(folder)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
