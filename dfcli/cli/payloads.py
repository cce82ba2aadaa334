"""`--input` and `--data`: JSON on the line, in a file, or on stdin."""

from __future__ import annotations

import json
import sys

from dfcli.errors import DfError, InvalidArgument, InvalidJson, NotFound, PayloadTooLarge
from dfcli.model.payload import NOTHING, PAYLOAD_BYTES_MAX, Payload, parse


def payload(text: str | None, option: str) -> Payload:
    """The payload an option names: JSON itself, `@file`, or `-` for stdin. Not given: no payload."""
    if text is None:
        return NOTHING
    if text == "-":
        return _parsed(_from_stdin(option), option, f"the text on stdin ({option} -)")
    if text.startswith("@"):
        return _parsed(_from_file(text[1:], option), option, f"the file {text[1:]}")
    return _parsed(text.encode("utf-8", "surrogateescape"), option, f"{option} {text}", inline=text)


def content(text: str | None, option: str) -> bytes:
    """What an option names where it need be no JSON: files and stdin are taken as they are, text on the line is JSON,
    of which a text means itself."""
    if text is None:
        return b""
    if text == "-" or text.startswith("@"):
        body = sys.stdin.buffer.read(PAYLOAD_BYTES_MAX + 1) if text == "-" else _from_file(text[1:], option)
        if len(body) > PAYLOAD_BYTES_MAX:
            raise _too_large(f"what {option} {text} names")
        return body
    given = payload(text, option).json_text or ""
    value = json.loads(given)
    return (value if isinstance(value, str) else given).encode("utf-8", "surrogatepass")


def _too_large(source: str) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"{source[:80]} is larger than {PAYLOAD_BYTES_MAX // 1024 // 1024} MiB",
        hint="hand over the path of a file instead of its content",
    )


def _from_stdin(option: str) -> bytes:
    body = sys.stdin.buffer.read(PAYLOAD_BYTES_MAX + 1)
    if not body.strip():
        raise InvalidJson(f"{option} - found nothing on stdin", hint=f"echo '{{\"n\": 1}}' | dfcli … {option} -")
    return body


def _from_file(path: str, option: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(PAYLOAD_BYTES_MAX + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path!r}", why=f"{option} @{path} names it") from None
    except OSError as error:
        raise InvalidArgument(f"the file {path!r} cannot be read", why=error.strerror or str(error)) from None


def _parsed(body: bytes, option: str, source: str, inline: str | None = None) -> Payload:
    if len(body) > PAYLOAD_BYTES_MAX:
        raise _too_large(source)
    try:
        return parse(body)
    except DfError as error:
        hint = error.hint
        if inline is not None and _is_word(inline):
            hint = f"text needs double quotes inside single ones: {option} '{_quoted(inline)}'"
        shown = source if len(source) <= 120 else source[:119] + "…"
        raise InvalidJson(f"{shown} is not JSON", why=error.why or error.what, hint=hint) from None


def _is_word(text: str) -> bool:
    return not text.lstrip().startswith(("{", "[", '"'))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("'", "'\\''")
