from __future__ import annotations

import ladderscope.scaling


def test_the_public_names_are_sorted_and_exist() -> None:
    names = ladderscope.scaling.__all__

    assert all(hasattr(ladderscope.scaling, name) for name in names)
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
