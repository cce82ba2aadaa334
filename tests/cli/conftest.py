from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.fake_control import CommandLine
from tests.cli.real import App


@pytest.fixture
def dfcli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line in this process, on a fake control."""
    monkeypatch.delenv("DFCLI_DEBUG", raising=False)
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
def app(tmp_path: Path) -> App:
    """An app of a few functions in a folder of its own."""
    return App(str(tmp_path / "app"))
