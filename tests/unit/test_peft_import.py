"""``import ladderscope`` makes PEFT know the side-tuning family, and costs nothing alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ladderscope.peft_import import register_when_peft_is_imported

CODE = """
import sys
import importlib.util
import ladderscope
assert not {{'peft', 'torch', 'transformers'}} & set(sys.modules)
importlib.util.find_spec('peft')  # as libraries do to know whether it is installed
import peft
print(type(peft.PeftConfig.from_pretrained({folder!r})).__qualname__)
print(type(peft.__loader__).__name__, type(peft.__spec__.loader).__name__)
"""


def test_an_adapter_is_read_in_a_process_that_imports_ladderscope_before_peft(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "QST", "reduction_factor": 4}))
    code = CODE.format(folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["QSTConfig", "SourceFileLoader", "SourceFileLoader"], done.stderr


def test_where_peft_is_there_already_the_family_is_registered_at_once() -> None:
    import peft

    finders = list(sys.meta_path)
    register_when_peft_is_imported()
    assert "ladderscope.methods.side" in sys.modules
    assert sys.meta_path == finders
    assert {"LST", "QST", "LADDER", "XLADDER"} <= peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING.keys()
