from __future__ import annotations

import subprocess
import sys

import pytest

import ladderscope


@pytest.mark.parametrize("name", ladderscope.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(ladderscope, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Lader'"):
        ladderscope.Lader  # noqa: B018


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys, ladderscope.cli; ladderscope.cli.run(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
