"""Fixtures that several folders share: tiny real models and the cells that go with them."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ladderscope.records import Cell

pytest_plugins = ["pytester"]
MakeModel = Callable[..., Any]

# Tests run side by side. OpenMP threads that spin while they wait would slow all of them down tenfold.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
torch.set_num_threads(1)


class _Frozen:
    """How many modules were imported when the garbage collector was last told to leave alone what there is."""

    num_modules = 0


def pytest_collection_finish() -> None:
    _freeze_what_was_imported(at_least=1)


def pytest_runtest_teardown() -> None:
    _freeze_what_was_imported(at_least=100)


def _freeze_what_was_imported(at_least: int) -> None:
    """What was imported stays: to look through it again and again would take a third of the time of many tests."""
    if len(sys.modules) - _Frozen.num_modules >= at_least:
        gc.collect()
        gc.freeze()
        _Frozen.num_modules = len(sys.modules)


@pytest.fixture
def tiny_model() -> MakeModel:
    """Makes a random four-block model of 64 channels, in inference mode, the same at every call."""

    def make(architecture: str = "tiny-llama", quantization: str = "none", dtype: torch.dtype = torch.float32) -> Any:
        from ladderscope.backbones.loading import load_backbone
        from ladderscope.backbones.names import BackboneName

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name = BackboneName("random", architecture)
            return load_backbone(name, dtype, quantization, torch.device("cpu"), seed=0).model

    return make


@pytest.fixture(scope="session")
def allocator_traces() -> Path:
    """The folder with memory histories of real CUDA runs; it is no part of the project."""
    shared = os.environ.get("LADDERSCOPE_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"
    folder = Path(shared) / "allocator_traces"
    if not folder.is_dir():
        pytest.skip(f"no recorded runs at {folder}; set LADDERSCOPE_SHARED_DATA to the folder that holds them")
    return folder


@pytest.fixture
def token_ids() -> torch.Tensor:
    """Two rows of 16 tokens that every tiny model knows."""
    return torch.randint(3, 500, (2, 16), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def tiny_cell() -> Callable[..., Cell]:
    """Makes a cell of the tiny Llama on random tokens; settings override."""

    def make(**settings: Any) -> Cell:
        sizes: dict[str, dict[str, Any]] = {"qlora": {"rank": 4, "quantization": "nf4"}, "lora": {"rank": 4}}
        sizes |= {name: {"reduction_factor": 2} for name in ("lst", "qst", "ladder", "xladder")}
        defaults: dict[str, Any] = {"model": "random:tiny-llama", "method": "lora", "seq_len": 32, "data": "random"}
        method = settings.get("method", "lora")
        return Cell(**{**defaults, "steps": 2, "dtype": "fp32", **sizes.get(method, {}), **settings})

    return make


@pytest.fixture
def slurm_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Puts stand-ins for Slurm's programs on the PATH; the folder of their cluster, in which nothing runs yet."""
    pytest.importorskip("submitit")
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    programs = Path(__file__).parent / "slurm" / "stand_ins"
    # They find this Python at once, where a shim would take its time to choose one.
    path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("SLURM_STAND_IN", str(cluster))
    yield cluster
    for switch in cluster.glob("scancel-*"):
        switch.unlink()
    for job in cluster.glob("job-*"):
        subprocess.run(["scancel", job.name.removeprefix("job-")], check=True)


CHAT_TEMPLATE = (
    "{% for message in messages %}[{{ message.role }}]{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(scope="session")
def byte_tokenizer() -> Any:
    """A tokenizer that needs no network: one token per byte, so that tests can count."""
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import PreTrainedTokenizerFast

    vocabulary = {byte: index for index, byte in enumerate(sorted(ByteLevel.alphabet()))}
    backend = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>", chat_template=CHAT_TEMPLATE
    )


@pytest.fixture(scope="session")
def tiny_folder(byte_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny Llama and its tokenizer, as save_pretrained() writes them."""
    from transformers import AutoModelForCausalLM

    from ladderscope.backbones.catalogue import architecture_config

    folder = tmp_path_factory.mktemp("tiny") / "llama"
    byte_tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(architecture_config("tiny-llama")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sums_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty prompts and completions, as JSON lines."""
    path = tmp_path_factory.mktemp("data") / "sums.jsonl"
    lines = [{"prompt": f"{i} + {i} = ", "completion": f"{2 * i}, that is all."} for i in range(60)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path
