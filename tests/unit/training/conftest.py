"""Files of training data, and a tokenizer of one token per byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tensors are tiny here: on a busy machine, threads would spend their time waiting for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer(byte_tokenizer: Any) -> Any:
    return byte_tokenizer


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., str]:
    def write(*examples: dict[str, Any]) -> str:
        path = tmp_path / "examples.jsonl"
        path.write_text("\n".join(map(json.dumps, examples)), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def write_text(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "text.txt"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
