from __future__ import annotations

from ladderscope.units import GIB
from studies.gpu_validation.hardware import folder_name, short_name


def test_a_known_gpu_has_its_name_of_the_table() -> None:
    assert short_name("NVIDIA H100 80GB HBM3") == folder_name("NVIDIA H100 80GB HBM3") == "h100-80gb"


def test_memory_tells_gpus_of_the_same_title_apart() -> None:
    assert short_name("NVIDIA GeForce RTX 4060 Ti", 8 * GIB) == "rtx-4060-ti-8gb"
    assert short_name("NVIDIA GeForce RTX 4060 Ti", 16 * GIB) == "rtx-4060-ti-16gb"


def test_an_unknown_gpu_has_a_folder_all_the_same() -> None:
    assert short_name("NVIDIA H100 NVL (rev. 2)") is None
    assert folder_name("NVIDIA H100 NVL (rev. 2)") == "nvidia-h100-nvl-rev-2"
    assert folder_name(None) == "cpu"
