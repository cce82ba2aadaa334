"""The route prefix of host.json: where HTTP functions answer."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.real import App

SOURCE = """
import dfcli as df

app = df.DFApp()


@app.route("greet")
def greet(req: df.HttpRequest) -> str:
    return "hi"
"""


@pytest.mark.parametrize(("prefix", "path"), [("", "/greet"), ("v1/public", "/v1/public/greet"), ("api", "/api/greet")])
def test_http_functions_answer_below_the_prefix(prefix: str, path: str, tmp_path: Path) -> None:
    app = App(str(tmp_path / "app"), SOURCE)
    (tmp_path / "app" / "host.json").write_text(f'{{"extensions": {{"http": {{"routePrefix": "{prefix}"}}}}}}')
    assert path in app("functions").out
    with app.running() as host:
        url = host.facts[0]["url"]
        with urllib.request.urlopen(url + path) as answer:
            assert answer.read() == b"hi"
        if prefix != "api":
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}/api/greet")
