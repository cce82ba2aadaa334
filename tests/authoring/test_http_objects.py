"""Requests and responses, with the names and defaults of Azure Functions."""

from __future__ import annotations

import pytest

import dfcli as df


def test_headers_are_found_in_any_case() -> None:
    request = df.HttpRequest("GET", "http://localhost/api/x", headers={"X-Trace-Id": "7"})
    assert request.headers["x-trace-id"] == request.headers["X-TRACE-ID"] == "7"
    assert "x-Trace-id" in request.headers
    assert dict(request.headers) == {"X-Trace-Id": "7"}
    assert request.headers.get("other") is None


def test_the_query_is_read_from_the_url_and_the_last_value_wins() -> None:
    request = df.HttpRequest("GET", "http://localhost/api/x?a=1&b=&a=2%203")
    assert request.params == {"a": "2 3", "b": ""}


def test_given_params_are_taken_as_they_are() -> None:
    request = df.HttpRequest("GET", "http://localhost/x?a=1", params={"b": "2"}, route_params={"id": "9"})
    assert (request.params, request.route_params) == ({"b": "2"}, {"id": "9"})


def test_the_body_is_bytes_and_json_when_it_is_json() -> None:
    request = df.HttpRequest("POST", "http://localhost/x", body=b'{"a": 1}')
    assert request.get_body() == b'{"a": 1}'
    assert request.get_json() == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", None])
def test_a_body_that_is_no_json_raises_value_error(body: bytes | None) -> None:
    with pytest.raises(ValueError, match="does not contain valid JSON"):
        df.HttpRequest("POST", "http://localhost/x", body=body).get_json()


def test_a_response_is_plain_text_with_status_200_by_default() -> None:
    response = df.HttpResponse("grüße")
    assert (response.status_code, response.mimetype, response.charset) == (200, "text/plain", "utf-8")
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.get_body() == "grüße".encode()


def test_text_is_encoded_in_the_charset_and_bytes_pass_unchanged() -> None:
    assert df.HttpResponse("ü", charset="latin-1").get_body() == b"\xfc"
    assert df.HttpResponse(b"\xff\x00", mimetype="application/octet-stream").get_body() == b"\xff\x00"
    assert df.HttpResponse(status_code=204).get_body() == b""


def test_a_content_type_header_wins_over_the_mimetype() -> None:
    response = df.HttpResponse("{}", headers={"content-type": "application/json"}, mimetype="text/html")
    assert response.content_type == "application/json"


def test_a_body_that_is_neither_text_nor_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="text or bytes, not dict"):
        df.HttpResponse({"a": 1})  # type: ignore[arg-type]
