"""docs/settings.md says what the settings say, and says something of each."""

from __future__ import annotations

from pathlib import Path

from dfcli.project import settings_page
from dfcli.project.keys import KEYS

PAGE = Path(__file__).parent.parent.parent / "docs" / "settings.md"


def test_the_page_is_what_the_settings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page.page(), "run `make docs`"


def test_every_setting_is_described() -> None:
    rows = [line for line in settings_page.page().splitlines() if line.startswith("| `")]
    assert len(rows) == len(KEYS)
    assert [row for row in rows if row.rstrip(" |").endswith("|") or row.endswith("|  |")] == []
