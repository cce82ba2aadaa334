"""HTTP functions of the app: which one answers, what it is handed, and what becomes of what it returns."""

from __future__ import annotations

from typing import Any

import pytest

from dfcli.authoring.http import HttpRequest, HttpResponse
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import AppLoadError, NotFound
from dfcli.http.templates import Template
from tests.http.asgi_client import HOST, AsgiClient
from tests.http.fake_host import FakeHost, FakeRegistry, function


@pytest.mark.parametrize(
    ("template", "path", "wanted"),
    [
        ("orders", "orders", {}),
        ("Orders", "oRDERS", {}),
        ("orders", "order", None),
        ("orders", "orders/1", None),
        ("orders/{id}", "orders/A%b", {"id": "A%b"}),
        ("orders/{id}", "orders", None),
        ("orders/{id?}", "orders", {}),
        ("orders/{id?}", "orders/7", {"id": "7"}),
        ("orders/{id=5}", "orders", {"id": "5"}),
        ("orders/{id:int?}", "orders", {}),
        ("orders/{id:int?}", "orders/x", None),
        ("orders/{id:int=3}", "orders", {"id": "3"}),
        ("{a}/{b}/{c?}", "1/2", {"a": "1", "b": "2"}),
        ("{a?}/{b?}", "", {}),
        ("files/{*rest}", "files", {"rest": ""}),
        ("files/{*rest}", "files/a/b/c.txt", {"rest": "a/b/c.txt"}),
        ("files/{**rest}", "files/a", {"rest": "a"}),
        ("{*all}", "", {"all": ""}),
        ("{name}.{kind}", "report.final.pdf", {"name": "report", "kind": "final.pdf"}),
        ("v{major:int}", "v12", {"major": "12"}),
        ("v{major:int}", "vx", None),
        ("{x:int}", "-12", {"x": "-12"}),
        ("{x:int}", "2147483648", None),
        ("{x:int}", "１２", None),
        ("{x:long}", "2147483648", {"x": "2147483648"}),
        ("{x:bool}", "TRUE", {"x": "TRUE"}),
        ("{x:bool}", "1", None),
        ("{x:guid}", "12345678-1234-1234-1234-123456789abc", {"x": "12345678-1234-1234-1234-123456789abc"}),
        ("{x:guid}", "1234", None),
        ("{x:decimal}", "1.50", {"x": "1.50"}),
        ("{x:double}", "1e5", {"x": "1e5"}),
        ("{x:float}", "abc", None),
        ("{x:datetime}", "2026-01-05", {"x": "2026-01-05"}),
        ("{x:datetime}", "monday", None),
        ("{x:alpha}", "Abc", {"x": "Abc"}),
        ("{x:alpha}", "a1", None),
        ("{x:minlength(2)}", "a", None),
        ("{x:maxlength(2)}", "abc", None),
        ("{x:length(2)}", "ab", {"x": "ab"}),
        ("{x:length(2,3)}", "abcd", None),
        ("{x:min(5)}", "4", None),
        ("{x:max(5)}", "5", {"x": "5"}),
        ("{x:range(1,3)}", "3", {"x": "3"}),
        ("{x:range(1,3)}", "4", None),
        ("{x:int:min(1)}", "0", None),
        ("{x:regex(^[a-z]{{2}}$)}", "ab", {"x": "ab"}),
        ("{x:regex(^[a-z]{{2}}$)}", "abc", None),
        ("{x:regex(^(a|b)/c:d$)}", "a", None),
        ("a/{x:alpha:maxlength(3)}/c", "a/abc/c", {"x": "abc"}),
    ],
)
def test_a_template_matches_as_asp_net_does(template: str, path: str, wanted: dict[str, str] | None) -> None:
    assert Template(template).match([part for part in path.split("/") if part]) == wanted


@pytest.mark.parametrize("template", ["{}", "{x:nonsense}", "{x:min(a)}", "{x:length(1,2,3)}", "{1x}"])
def test_a_template_that_means_nothing_is_an_error(template: str) -> None:
    with pytest.raises(ValueError, match=r"is no constraint|names no parameter"):
        Template(template)


def test_a_route_that_means_nothing_names_its_function() -> None:
    with pytest.raises(AppLoadError) as refused:
        AsgiClient(FakeHost([function("f", route="{x:nonsense}")]))
    assert refused.value.why == "'nonsense' is no constraint; it stands at function_app.py:3"
    with pytest.raises(AppLoadError):
        AsgiClient(FakeHost([function("f", route="{x:regex([)}")]))


def named(host: FakeHost, method: str, path: str, **given: Any) -> str:
    """Which function answers; the status when none does."""
    host.answer = lambda definition, _: definition.name
    answer = AsgiClient(host).ask(method, path, **given)
    return answer.body.decode() if answer.status == 200 else str(answer.status)


def test_the_more_particular_route_wins() -> None:
    host = FakeHost(
        [
            function("rest", route="{*rest}"),
            function("any", route="orders/{id}"),
            function("number", route="orders/{id:int}"),
            function("new", route="orders/new"),
            function("deep", route="orders/{id}/lines"),
        ]
    )
    assert named(host, "GET", "/api/orders/new") == "new"
    assert named(host, "GET", "/API/Orders/NEW/") == "new"
    assert named(host, "GET", "/api/orders/5") == "number"
    assert named(host, "GET", "/api/orders/x") == "any"
    assert named(host, "GET", "/api/orders/x/lines") == "deep"
    assert named(host, "GET", "/api/orders/x/y") == "rest"
    assert named(host, "GET", "/api") == "rest"


def test_a_method_that_is_not_listed_is_404_and_no_list_means_all() -> None:
    host = FakeHost(
        [
            function("read", route="x", methods=["GET"]),
            function("write", route="x", methods=["POST", "PUT"]),
            function("all", route="y"),
            function("Bare"),
        ]
    )
    assert named(host, "GET", "/api/x") == "read"
    assert named(host, "PUT", "/api/x") == "write"
    assert named(host, "DELETE", "/api/x") == "404"
    assert named(host, "PATCH", "/api/y") == "all"
    assert named(host, "OPTIONS", "/api/bare") == "Bare"
    assert named(host, "GET", "/x") == "404"


def test_the_route_prefix_may_be_another_one_or_none() -> None:
    host = FakeHost([function("x"), function("all", route="{*rest}")])
    host.answer = lambda definition, _: definition.name
    assert AsgiClient(host, route_prefix="my/app").get("/my/app/x").body == b"x"
    bare = AsgiClient(host, route_prefix="")
    assert bare.get("/x").body == b"x"
    assert bare.get("/whatever/else").body == b"all"
    assert bare.get("/runtime/other").status == 404
    assert bare.get("/healthz").body == b"ok\n"


def test_a_reload_brings_the_new_routes() -> None:
    host = FakeHost([function("old")])
    host.answer = lambda definition, _: definition.name
    client = AsgiClient(host)
    assert client.get("/api/old").body == b"old"
    host.registry = FakeRegistry([function("new")])
    assert client.get("/api/old").status == 404
    assert client.get("/api/new").body == b"new"


def test_the_function_is_handed_the_request_as_it_came() -> None:
    seen: list[HttpRequest] = []

    def answer(definition: FunctionDefinition, request: HttpRequest) -> str:
        seen.append(request)
        return "ok"

    host = FakeHost([function("f", route="orders/{id}/{*rest}")])
    host.answer = answer
    AsgiClient(host).post(
        "/api/orders/a%20b/c%2Fd/e?x=1&x=2&Y=%C3%BC&z=", b"\x00\xff", headers={"X-Thing": "v", "Content-Type": "a/b"}
    )
    request = seen[0]
    assert request.method == "POST"
    assert request.url == f"http://{HOST}/api/orders/a%20b/c%2Fd/e?x=1&x=2&Y=%C3%BC&z="
    assert request.headers["x-THING"] == "v"
    assert dict(request.params) == {"x": "2", "Y": "ü", "z": ""}
    assert dict(request.route_params) == {"id": "a b", "rest": "c/d/e"}
    assert request.get_body() == b"\x00\xff"


def answered(result: object) -> tuple[int, dict[str, str], bytes]:
    host = FakeHost([function("f")])

    def answer(definition: FunctionDefinition, request: HttpRequest) -> object:
        if isinstance(result, BaseException):
            raise result
        return result

    host.answer = answer
    return AsgiClient(host).get("/api/f")


def test_text_is_200_plain_and_none_is_204() -> None:
    status, headers, body = answered("Grüße")
    assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", "Grüße".encode())
    status, headers, body = answered(None)
    assert (status, body) == (204, b"")
    assert "content-type" not in headers


def test_a_response_is_passed_on_with_its_type_and_headers() -> None:
    status, headers, body = answered(HttpResponse(b"\x00\x01", status_code=418, headers={"X-A": "b"}, mimetype="a/b"))
    assert (status, headers["x-a"], headers["content-type"], body) == (418, "b", "a/b; charset=utf-8", b"\x00\x01")
    _, headers, _ = answered(HttpResponse("{}", headers={"Content-Type": "application/json", "Content-Length": "999"}))
    assert (headers["content-type"], headers["content-length"]) == ("application/json", "2")
    _, headers, _ = answered(HttpResponse("x", headers={"Cache-Control": "max-age=60"}))
    assert headers["cache-control"] == "max-age=60"
    status, headers, body = answered(HttpResponse("ignored", status_code=204))
    assert (status, body) == (204, b"")


@pytest.mark.parametrize(
    "result",
    [
        ValueError("boom"),
        NotFound("an error of ours that the function let out"),
        {"not": "a response"},
        5,
        HttpResponse("x", status_code=99),
        HttpResponse("x", headers={"X": "a\r\nSet-Cookie: b"}),
        HttpResponse("x", headers={"X": "日本"}),
        HttpResponse("x", headers={"X Y": "z"}),
        HttpResponse("x", headers={"": "z"}),
        HttpResponse("x", headers={"X": "\x1b[2J"}),
    ],
)
def test_a_function_that_fails_is_500_without_a_body(result: object) -> None:
    status, _, body = answered(result)
    assert (status, body) == (500, b"")


def test_a_path_that_is_not_utf8_is_a_bad_request() -> None:
    assert AsgiClient(FakeHost([function("f", route="{x}")])).get("/api/%ff").status == 400
