from __future__ import annotations

import pytest
import torch

from ladderscope.errors import UsageError
from ladderscope.memory.allocator import AllocatorConfig
from ladderscope.units import MIB


def test_reads_what_pytorch_reads() -> None:
    text = (
        "expandable_segments:True,max_split_size_mb:128, roundup_power2_divisions:[256:1,512:2,>:4],"
        "garbage_collection_threshold:0.8,max_non_split_rounding_mb:30,pinned_num_register_threads:4"
    )
    assert AllocatorConfig.parse(text) == AllocatorConfig(
        expandable_segments=True,
        max_split_size_bytes=128 * MIB,
        # 1 up to 256 MiB, 2 at 512 MiB; ">" fills from the last size on.
        roundup_power2_divisions=(1,) * 9 + (4,) * 7,
        garbage_collection_threshold=0.8,
        max_non_split_rounding_bytes=30 * MIB,
    )


def test_one_number_of_divisions_holds_for_all_sizes() -> None:
    assert AllocatorConfig.parse("roundup_power2_divisions:8").roundup_power2_divisions == (8,) * 16


def test_no_text_is_the_default() -> None:
    assert AllocatorConfig.parse("") == AllocatorConfig()
    assert AllocatorConfig.from_settings(None) == AllocatorConfig()


REFUSED = [
    "max_split_size_mb:19",
    "large_segment_size_mb:64,max_split_size_mb:30",
    "large_segment_size_mb:10",
    "large_segment_size_mb:20,max_non_split_rounding_mb:19",
    "roundup_power2_divisions:3",
    "roundup_power2_divisions:0",
    "roundup_power2_divisions:[3:4]",
    "roundup_power2_divisions:[4:3]",
    "garbage_collection_threshold:1.0",
    "garbage_collection_threshold:0",
    "expandable_segments:true",
    "max_split_size_mb",
]
ACCEPTED = [
    "max_split_size_mb:20",
    "large_segment_size_mb:11,max_split_size_mb:12",
    "roundup_power2_divisions:[256:1,512:2,>:4]",
    "roundup_power2_divisions:[1:0,>:4]",
    "garbage_collection_threshold:0.5",
    "expandable_segments:False,",
    " max_split_size_mb : 30 , expandable_segments : True",
    "large_segment_size_mb:20",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_pytorch_refuses(text: str) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        torch._C._accelerator_setAllocatorSettings(text)
    with pytest.raises(UsageError):
        AllocatorConfig.parse(text)


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepts_what_pytorch_accepts(text: str) -> None:
    # PyTorch keeps settings from one call to the next, and compares with them.
    torch._C._accelerator_setAllocatorSettings("large_segment_size_mb:20")
    torch._C._accelerator_setAllocatorSettings(text)
    assert isinstance(AllocatorConfig.parse(text), AllocatorConfig)


def test_an_unknown_key_is_named_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match="unknown allocator setting 'max_split_mb': did you mean 'max_split_size_mb'"):
        AllocatorConfig.parse("max_split_mb:64")


def test_another_allocator_is_refused() -> None:
    with pytest.raises(UsageError, match="backend:cudaMallocAsync is not modelled"):
        AllocatorConfig.parse("backend:cudaMallocAsync")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "expandable_segments:True",
        "large_segment_size_mb:64,max_split_size_mb:128,max_non_split_rounding_mb:70",
        "garbage_collection_threshold:0.6,roundup_power2_divisions:[64:8,256:4,>:1],per_process_memory_fraction:0.5",
    ],
)
def test_settings_survive_a_snapshot(text: str) -> None:
    config = AllocatorConfig.parse(text)
    assert AllocatorConfig.from_settings(config.to_settings()) == config


def test_settings_of_a_recorded_run() -> None:
    settings = {
        "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64,some_newer_key:3",
        "max_split_size": 64 * MIB,
        "garbage_collection_threshold": 0.0,
        "expandable_segments": False,
        "roundup_power2_divisions": {str(2**i): 0 for i in range(16)},
    }
    assert AllocatorConfig.from_settings(settings) == AllocatorConfig(max_split_size_bytes=64 * MIB)
