"""Form fields and uploaded files of a request's body: `urlencoded` and `multipart/form-data`."""

from __future__ import annotations

import io
from typing import NamedTuple
from urllib.parse import parse_qsl

PARTS_MAX = 1000


class UploadedFile(io.BytesIO):
    """The content of one file of a form; reads as any binary file does."""

    def __init__(self, content: bytes, *, name: str, filename: str, content_type: str) -> None:
        super().__init__(content)
        self.name = name
        self.filename = filename
        """As the sender says: never a path to write to unseen."""
        self.content_type = content_type


class Form(NamedTuple):
    """Of a name that is repeated the last one counts."""

    fields: dict[str, str]
    files: dict[str, UploadedFile]


def parse_form(content_type: str, body: bytes) -> Form:
    """Empty for a body of another type. Raises ValueError for a form that is malformed."""
    media_type, _, rest = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=PARTS_MAX)
        return Form(dict(pairs), {})
    if media_type != "multipart/form-data":
        return Form({}, {})
    boundary = _parameters(rest).get("boundary", "")
    if not boundary:
        raise ValueError("the form names no boundary")
    return _multipart(body, boundary.encode("latin-1", "replace"))


def _multipart(body: bytes, boundary: bytes) -> Form:
    form = Form({}, {})
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary, PARTS_MAX + 1)
    if len(parts) > PARTS_MAX:
        raise ValueError(f"the form has more than {PARTS_MAX} parts")
    for part in parts[1:]:
        if part.startswith(b"--"):
            return form
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            break
        headers = dict(_header(line) for line in head.decode("utf-8", "replace").split("\r\n") if ":" in line)
        described = _parameters(headers.get("content-disposition", ""))
        name = described.get("name", "")
        if "filename" in described:
            kind = headers.get("content-type", "application/octet-stream")
            form.files[name] = UploadedFile(content, name=name, filename=described["filename"], content_type=kind)
        else:
            form.fields[name] = content.decode("utf-8", "replace")
    raise ValueError("the form is cut off")


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _parameters(text: str) -> dict[str, str]:
    """`name="a"; filename="b"` → their values. Quotes may hold a semicolon."""
    found: dict[str, str] = {}
    while text:
        name, separator, text = text.partition("=")
        name = name.rpartition(";")[2].strip().lower()
        if not separator:
            break
        text = text.lstrip()
        if text.startswith('"'):
            value, text = _quoted(text[1:])
        else:
            value, _, text = text.partition(";")
            value = value.strip()
        found[name] = value
    return found


def _quoted(text: str) -> tuple[str, str]:
    """The value up to its closing quote, and what follows."""
    value = ""
    position = 0
    while position < len(text) and text[position] != '"':
        if text[position] == "\\" and text[position + 1 : position + 2] in ('"', "\\"):
            position += 1
        value += text[position]
        position += 1
    return value, text[position + 1 :]
