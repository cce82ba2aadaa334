from __future__ import annotations

import pytest

from tests.cli.fake_control import CommandLine


@pytest.fixture
def dfcli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line in this process, on a fake control."""
    monkeypatch.delenv("DFCLI_DEBUG", raising=False)
    return CommandLine(monkeypatch, capsys)
