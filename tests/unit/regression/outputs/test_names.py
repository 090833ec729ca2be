from __future__ import annotations

import pytest
from rich.cells import cell_len

from ladderscope.regression.outputs.names import TableNames

LORA = "random:tiny-llama lora r=8 64 tokens, predicted for rtx-3060-12gb"


def shorts(*names: str) -> tuple[str, list[str]]:
    table = TableNames(names)
    return table.shared, [table.short_of[name] for name in names]


def fitted(cells: int, *names: str) -> list[str]:
    table = TableNames(names)
    return [table.shortened(table.short_of[name], cells) for name in names]


class TestWhatGoesIntoTheTitle:
    def test_of_one_cell_its_model_and_hardware(self) -> None:
        assert shorts(LORA) == ("random:tiny-llama, predicted for rtx-3060-12gb", ["lora r=8 64 tokens"])
        assert shorts("random:gpt2 full 8 tokens, fp32, nf4-dq, measured on a CPU") == (
            "random:gpt2, measured on a CPU",
            ["full 8 tokens, fp32, nf4-dq"],
        )

    def test_of_one_test_nothing(self) -> None:
        name = "tests/test_memory.py::test_step[64 tokens, fp32]"
        assert shorts(name) == ("", [name])

    def test_hardware_stays_whole_on_either_side(self) -> None:
        assert shorts(LORA, LORA.replace("rtx-3060-12gb", "t4-16gb")) == (
            "random:tiny-llama lora r=8 64 tokens",
            ["predicted for rtx-3060-12gb", "predicted for t4-16gb"],
        )

    def test_a_number_of_tokens_stays_whole(self) -> None:
        assert shorts(LORA, LORA.replace("64 tokens", "64 tokens, fp32")) == (
            "random:tiny-llama lora r=8, predicted for rtx-3060-12gb",
            ["64 tokens", "64 tokens, fp32"],
        )

    def test_settings_that_all_share_go_with_the_end_or_the_beginning(self) -> None:
        fp32 = LORA.replace("64 tokens", "64 tokens, fp32")
        assert shorts(fp32, fp32.replace("lora", "dora"))[0] == "random:tiny-llama, fp32, predicted for rtx-3060-12gb"
        assert shorts(fp32, fp32.replace("rtx-3060-12gb", "t4-16gb"))[0] == (
            "random:tiny-llama lora r=8 64 tokens, fp32"
        )

    def test_title_and_short_name_hold_all_of_the_name(self) -> None:
        names = [
            f"random:{model} {method} {size} tokens{settings}, predicted for {gpu}"
            for model in ("gpt2", "tiny-llama")
            for method in ("full", "lora r=8")
            for size in (64, 512)
            for settings in ("", ", fp32", ", fp32, nf4-dq")
            for gpu in ("t4-16gb", "a100-80gb")
        ]
        for step in range(1, len(names)):
            shared, short = shorts(names[0], names[step])
            for name, text in zip((names[0], names[step]), short, strict=True):
                assert sorted(f"{shared} {text}".replace(",", "").split()) == sorted(name.replace(",", "").split())
                assert text


class TestInLittleRoom:
    def test_the_hardware_goes_before_the_model_and_both_before_the_size(self) -> None:
        names = [LORA, "random:gpt2 full 512 tokens, measured on a CPU"]
        assert fitted(70, *names) == names
        assert fitted(60, *names) == [
            "random:tiny-llama lora r=8 64 tokens, for rtx-3060-12gb",
            "random:gpt2 full 512 tokens, on a CPU",
        ]
        assert fitted(38, *names) == ["random:tiny-llama lora r=8 64 tokens", "random:gpt2 full 512 tokens"]
        assert fitted(25, *names)[0].endswith(" lora r=8 64 tokens")
        assert fitted(18, *names) == ["lora r=8 64 tokens", "full 512 tokens"]

    def test_what_tells_entries_apart_stays_as_long_as_it_can(self) -> None:
        gpus = [LORA, LORA.replace("rtx-3060-12gb", "t4-16gb"), "random:gpt2 full 512 tokens, predicted for t4-16gb"]
        assert fitted(40, *gpus) == [
            "lora r=8 64 tokens, for rtx-3060-12gb",
            "lora r=8 64 tokens, for t4-16gb",
            "full 512 tokens, for t4-16gb",
        ]

    def test_long_settings_are_cut_behind_the_size(self) -> None:
        long = LORA.replace("64 tokens", "2048 tokens, fp32, gradient checkpointing")
        assert fitted(32, long, "random:gpt2 full 64 tokens, measured on a CPU")[0] == (
            "lora r=8 2048 tokens…eckpointing"
        )

    @pytest.mark.parametrize("cells", [1, 2, 8, 12, 17, 18, 19, 24, 30, 45, 80])
    def test_every_name_fits(self, cells: int) -> None:
        names = [LORA, "random:gpt2 full 512 tokens, 8-bit, measured on a CPU", "tests/test_a.py::test_step[x, 8 y]"]
        assert all(cell_len(text) <= cells for text in fitted(cells, *names))
        assert all(cell_len(text) <= cells for text in fitted(cells, LORA))

    def test_a_test_keeps_both_ends(self) -> None:
        names = ["tests/unit/test_memory.py::test_step[8]", "tests/unit/test_memory.py::test_step[16]"]
        assert fitted(21, *names) == ["tests/unit…st_step[8]", "tests/unit…t_step[16]"]
