"""One request on its way to a handler, and how its query is read: the rules of .NET, which clients rely on."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from dfcli.env.ids import Ids
from dfcli.errors import DfError, InvalidArgument, InvalidJson, NotFound, PayloadTooLarge
from dfcli.http.ports import HostPort
from dfcli.model import payload
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.status import InstanceSummary
from dfcli.model.time import to_timestamp

if TYPE_CHECKING:
    from dfcli.http.keys import KeyGate

R = TypeVar("R")
QUERY_PARAMETERS_MAX = 32
REQUEST_ID_LENGTH_MAX = 256
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")


class ClientGone(Exception):
    """The caller hung up before the request was complete: there is nobody to answer."""


@dataclass(slots=True)
class Service:
    """What all requests share."""

    host: HostPort
    ids: Ids
    route_prefix: str = "api"
    store_inputs: bool = False
    """Whether the history in a status query shows the inputs of activities."""
    version: str = ""
    gate: KeyGate | None = None
    """Who is let in; None: keys are off."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server shuts down: whoever waits answers now."""

    @property
    def health(self) -> str:
        """The host's word for how it is, or that the server stops."""
        return "stopping" if self.stopping.is_set() else self.host.health

    @property
    def link_code(self) -> str:
        """The key in links to the management API; empty when keys are off."""
        return self.gate.ring.link_code if self.gate is not None else ""


class Call:
    """A request that passed the guard and found its route."""

    def __init__(
        self,
        scope: Scope,
        service: Service,
        params: dict[str, str],
        *,
        is_worker: bool = False,
        is_python_1: bool = False,
    ) -> None:
        self.scope = scope
        self.service = service
        self.host = service.host
        self.params = params
        self.is_worker = is_worker
        """Whether it came in on the workers' address."""
        self.is_python_1 = is_python_1
        """Whether it came in on the address for the 1.x SDK for Python, which writes inputs as JSON in JSON strings."""
        self.is_elsewhere = False
        """Whether it is for another task hub than the host's own, whose answers take time."""
        self.body = b""

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """Names in lower case; of a repeated one the last."""
        return dict(self.scope["headers"])

    @cached_property
    def query(self) -> Query:
        return Query(self.scope["query_string"])

    @property
    def origin(self) -> str:
        """Scheme and authority as the caller knows them; the guard has checked the name."""
        return f"{self.scope['scheme']}://{self.headers.get(b'host', b'').decode('latin-1')}"

    @property
    def url(self) -> str:
        """The request's own address."""
        target: bytes = self.scope["raw_path"]
        if self.scope["query_string"]:
            target += b"?" + self.scope["query_string"]
        return self.origin + target.decode("latin-1")

    @property
    def request_id(self) -> str | None:
        """The caller's Idempotency-Key: with the same key a request counts once. Raises InvalidArgument."""
        key = self.headers.get(b"idempotency-key", b"").decode("latin-1")
        if len(key) > REQUEST_ID_LENGTH_MAX or not key.isprintable() or not key.isascii():
            raise InvalidArgument(
                "the Idempotency-Key cannot be used", why=f"it has at most {REQUEST_ID_LENGTH_MAX} printable characters"
            )
        return key or None

    async def ask(self, question: Callable[[], R]) -> R:
        """The answer to a question that the own hub answers from memory."""
        return await asyncio.to_thread(question) if self.is_elsewhere else question()

    async def summary(self, instance_id: str) -> InstanceSummary | None:
        """As committed; not to be changed."""
        return await self.ask(lambda: self.host.summary(instance_id))

    def choose_hub(self, name: str, *, creating: bool = False) -> None:
        """Turn to the task hub of that name, if it is another one of the app. Raises NotFound."""
        wanted = name.strip()
        if not wanted or wanted.lower() == self.host.hub_name.lower():
            return
        hub = self.host.other_hub(wanted, creating=creating)
        if hub is None:
            raise NotFound(f"there is no task hub {wanted[:80]!r}")
        self.host, self.is_elsewhere = hub, True

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON; parameters such as a charset do not matter."""
        media_type = self.headers.get(b"content-type", b"").split(b";", 1)[0]
        return media_type.strip().lower() == b"application/json"

    def payload(self) -> Payload:
        """The body as a payload, an empty one being null. Raises InvalidJson."""
        return payload.parse(self.body) if self.body and not self.body.isspace() else NOTHING

    def input_payload(self) -> Payload:
        """The body as the input of an orchestrator or an operation, as the client's caller meant it."""
        given = self.payload()
        return undoubled(given) if self.is_python_1 else given

    async def read_body(self, receive: Receive, size_max: int) -> None:
        """Reads the whole body, counting what really arrives. Raises PayloadTooLarge, ClientGone."""
        declared = self.headers.get(b"content-length")
        if declared is None and b"transfer-encoding" not in self.headers:
            return
        if declared is not None and int(declared) > size_max:
            raise _too_large(size_max)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > size_max:
                raise _too_large(size_max)
            parts.append(part)
            if not message.get("more_body", False):
                self.body = parts[0] if len(parts) == 1 else b"".join(parts)
                return


def undoubled(given: Payload) -> Payload:
    """The value whose JSON text a JSON string holds; any other payload as it is. Raises InvalidJson for text that is
    nested too deeply."""
    value = payload.decode(*given)
    if not isinstance(value, str):
        return given
    payload.check_shape(value.encode("utf-8", "replace"))
    try:
        return payload.parse(value.encode())
    except (InvalidJson, UnicodeEncodeError):
        pass  # no JSON, or such as only Python writes: NaN, half surrogates
    try:
        return payload.encode(json.loads(value))
    except ValueError:
        return given


class Query:
    """Query parameters: names without regard to case, repeated ones joined with commas."""

    def __init__(self, query_string: bytes) -> None:
        self.values: dict[str, str] = {}
        if not query_string:
            return
        try:
            pairs = parse_qsl(
                query_string.decode("utf-8"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=QUERY_PARAMETERS_MAX,
            )
        except UnicodeDecodeError:
            raise InvalidArgument("the query is not UTF-8") from None
        except ValueError:
            raise InvalidArgument(f"the query has more than {QUERY_PARAMETERS_MAX} parameters") from None
        for name, value in pairs:
            known = self.values.get(name.lower())
            self.values[name.lower()] = value if known is None else f"{known},{value}"

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """`true` and `false` in any case; everything else counts as not given."""
        return {"true": True, "false": False}.get(self.text(name).strip().lower(), default)

    def integer(self, name: str, default: int) -> int:
        """A 32-bit number; anything else counts as not given."""
        text = self.text(name).strip()
        number = int(text) if _INTEGER.fullmatch(text) else default
        return number if abs(number) < 2**31 else default

    def seconds(self, name: str) -> float | None:
        """A duration; what is no positive number counts as not given."""
        try:
            number = float(self.text(name))
        except ValueError:
            return None
        return number if math.isfinite(number) and number >= 0 else None

    def moment(self, name: str) -> str | None:
        """An ISO-8601 date or time as a timestamp, naive ones taken as UTC; anything else counts as not given."""
        text = self.text(name).strip()
        # A `+` that a client left unencoded in the offset has become a blank.
        text = text.replace(" ", "+") if "T" in text else text
        year, dash, rest = text.partition("-")
        try:
            moment = datetime.fromisoformat(f"{year:0>4}{dash}{rest}")
            return to_timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            return None

    def words(self, name: str) -> list[str]:
        """A comma list without its empty parts."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]


def _too_large(size_max: int) -> DfError:
    return PayloadTooLarge("the body is too large", why=f"{size_max} bytes are allowed here")
