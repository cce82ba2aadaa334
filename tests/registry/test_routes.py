"""Route templates of HTTP functions: which are taken and which are refused."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

import dfcli as df
from dfcli.errors import AppLoadError
from dfcli.registry.registry import Registry
from dfcli.registry.routes import route_of


def registry(*routes: tuple[str | None, Iterable[str] | None]) -> Registry:
    app = df.DFApp()
    for number, (route, methods) in enumerate(routes):

        def function(req: df.HttpRequest) -> None: ...

        app.function_name(f"f{number}")(app.route(route, methods)(function))
    return Registry.from_app(app)


@pytest.mark.parametrize(
    "route",
    [
        "orders",
        "orders/{id}",
        "orders/{id:int}/lines/{line?}",
        "pages/{name=home}",
        "files/{*rest}",
        "orders/{id:regex(^[0-9]{{4}}/[a-z]+$)}",
        "v{version}/x-{name}.json",
        "",
    ],
)
def test_templates_of_azure_functions_are_taken(route: str) -> None:
    assert route_of(registry((route, None)).http[0]) == route


def test_the_route_is_the_functions_name_by_default() -> None:
    assert route_of(registry((None, None)).http[0]) == "f0"


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ("orders/{id", "a '{' has no '}'"),
        ("orders/id}", "a '}' has no '{'"),
        ("orders/{}", "does not name a parameter"),
        ("orders/{1st}", "does not name a parameter"),
        ("{id}/{ID}", "the parameter 'ID' stands twice"),
        ("{*rest}/end", "must stand last"),
        ("a//b", "an empty segment"),
        ("a b", "it holds ' '"),
        ("a#b", "it holds '#'"),
    ],
)
def test_a_template_that_no_request_can_match_is_refused_with_the_place(route: str, why: str) -> None:
    with pytest.raises(AppLoadError, match="cannot be used") as refused:
        registry((route, None))
    assert why in refused.value.why
    assert __file__ in refused.value.why


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("orders/{id}", None), ("Orders/{number}", ["GET"])),
        (("x", ["GET", "POST"]), ("x", ["POST"])),
        (("{*rest}", None), ("{*path}", None)),
    ],
)
def test_two_functions_that_answer_the_same_requests_are_refused(
    first: tuple[str, list[str] | None], second: tuple[str, list[str] | None]
) -> None:
    with pytest.raises(AppLoadError, match="answer the same route"):
        registry(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("x", ["GET"]), ("x", ["POST"])),
        (("orders/{id:int}", None), ("orders/{name:alpha}", None)),
        (("orders/{id}", None), ("orders/new", None)),
    ],
)
def test_functions_that_share_a_path_and_no_request_live_together(
    first: tuple[str, list[str] | None], second: tuple[str, list[str] | None]
) -> None:
    assert len(registry(first, second).http) == 2


@pytest.mark.parametrize("methods", [[], ["GET POST"], ["G3T"]])
def test_methods_that_are_none_are_refused(methods: list[str]) -> None:
    with pytest.raises(AppLoadError, match="method"):
        registry(("x", methods))
