"""`docs/http-api.md` is what the routes promise, and each of its curl lines finds its route."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dfcli.http.api_page import api_page, command_of
from dfcli.http.app import SERVED
from dfcli.http.routing import path_segments

PAGE = Path(__file__).parent.parent.parent / "docs" / "http-api.md"
DESCRIBED = [
    (base, route, route.promises) for base, table in SERVED for route in table.routes if route.promises is not None
]


def test_the_page_is_what_the_routes_promise() -> None:
    assert PAGE.read_text() == api_page(), "run `make docs`"


def test_every_route_is_on_the_page() -> None:
    text = PAGE.read_text()
    for base, route, _ in DESCRIBED:
        assert f"`{base}/{route.path}`" in text
    assert len(re.findall(r"^curl ", text, re.MULTILINE)) == sum(route.method != "HEAD" for _, route, _ in DESCRIBED)


@pytest.mark.parametrize(("base", "route", "promises"), DESCRIBED, ids=[promises.id for *_, promises in DESCRIBED])
def test_a_curl_line_finds_its_route(base: str, route: object, promises: object) -> None:
    words = shlex.split(command_of(base, route, promises))  # type: ignore[arg-type]
    assert words[0] == "curl"
    method = words[words.index("-X") + 1] if "-X" in words else "HEAD" if "-I" in words else "GET"
    (url,) = (word for word in words if word.startswith("http://"))
    segments = path_segments(urlsplit(url).path.encode())
    (table,) = (table for served, table in SERVED if served == base)
    found, _ = table.find(method, segments[len(path_segments(base.encode())) :])
    assert found is route
