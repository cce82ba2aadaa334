"""Forms as functions see them: fields, files, and what is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dfcli as df

BOUNDARY = "----edge;1"
MULTIPART = f'multipart/form-data; charset=utf-8; boundary="{BOUNDARY}"'


def request(body: bytes, content_type: str) -> df.HttpRequest:
    return df.HttpRequest("POST", "http://x/", headers={"Content-Type": content_type}, body=body)


def multipart(*parts: tuple[str, bytes]) -> bytes:
    edge = BOUNDARY.encode()
    return (
        b"".join(b"--%s\r\n%s\r\n\r\n%s\r\n" % (edge, head.encode(), body) for head, body in parts)
        + b"--%s--\r\n" % edge
    )


def test_fields_of_a_plain_form() -> None:
    sent = request("a=1&b=x+y&a=2&leer=&ü=ö".encode(), "application/x-www-form-urlencoded; charset=utf-8")
    assert sent.form == {"a": "2", "b": "x y", "leer": "", "ü": "ö"}
    assert sent.files == {}


def test_fields_and_files_of_a_multipart_form() -> None:
    body = multipart(
        ('Content-Disposition: form-data; name="title"', "Größe".encode()),
        (
            'content-disposition: form-data; name="file"; filename="a; \\"b\\".txt"\r\nContent-Type: text/x',
            b"1\r\n--2\r\n",
        ),
        ("Content-Disposition: form-data; name=bare", b""),
    )
    sent = request(body, MULTIPART)
    assert sent.form == {"title": "Größe", "bare": ""}
    file = sent.files["file"]
    assert (file.filename, file.content_type, file.name) == ('a; "b".txt', "text/x", "file")
    assert file.read() == b"1\r\n--2\r\n"


@given(st.binary(max_size=200).filter(lambda content: BOUNDARY.encode() not in content))
def test_the_bytes_of_a_file_come_as_they_were_sent(content: bytes) -> None:
    body = multipart(('Content-Disposition: form-data; name="f"; filename="f"', content))
    assert request(body, MULTIPART).files["f"].read() == content


def test_other_bodies_are_no_forms() -> None:
    assert request(b'{"a":1}', "application/json").form == {}
    assert df.HttpRequest("GET", "http://x/").files == {}


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"x", "multipart/form-data", "names no boundary"),
        (b"nothing", MULTIPART, "cut off"),
        (multipart(("Content-Disposition: form-data; name=a", b"1"))[:-8], MULTIPART, "cut off"),
        (b"--e\r\n\r\n\r\n" * 1002, "multipart/form-data; boundary=e", "more than 1000 parts"),
    ],
)
def test_a_malformed_form_is_a_value_error(body: bytes, content_type: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        _ = request(body, content_type).form
