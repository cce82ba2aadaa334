"""A fresh app of a template, once for each library that it can be written with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dfcli.project.scaffold import Sdk, scaffold
from tests.sample_apps.served import copied


@pytest.fixture(params=list(Sdk))
def fresh_app(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    """Makes the app of a template's name in a folder of the test's own."""

    def make(name: str) -> Path:
        if request.param is Sdk.dfcli:
            return copied(name, tmp_path)
        return Path(scaffold(name, str(tmp_path / name), Sdk.azure).folder)

    return make
