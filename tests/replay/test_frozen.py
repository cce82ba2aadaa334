"""Golden histories never change once they are frozen: what an older version wrote must replay for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.frozen import found, listed


@pytest.mark.parametrize("path", sorted(listed()))
def test_a_frozen_history_is_byte_for_byte_what_it_was(path: str) -> None:
    assert found().get(path) == listed()[path], "a golden history is never edited: add a new one instead"


def test_a_folder_with_frozen_histories_holds_no_others() -> None:
    frozen = listed()
    folders = {Path(path).parent for path in frozen}
    loose = [path for path in found() if path not in frozen and Path(path).parent in folders]
    assert loose == [], "freeze them with `make freeze`"
