"""`Control` over HTTP: what a command does when the host runs.

It speaks the house's own routes, whose refusals carry what, why and hint, so that an error reads the same whether
the host is up or down.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import msgspec

from dfcli import errors
from dfcli.env.clock import Clock, SystemClock
from dfcli.env.ids import RandomIds
from dfcli.errors import DfError, TimedOut, Unavailable
from dfcli.host.control import InstanceStatus
from dfcli.http import wire
from dfcli.http.exchange import ANSWER_SECONDS, Answer, address_of, exchange
from dfcli.model.history import Event
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.rewound import RewindReport
from dfcli.model.status import InstanceSummary

WAIT_POLL_SECONDS = 20.0
"""How long one request waits; then the next asks again, so that a host that vanished is noticed."""

_KINDS: dict[str, type[DfError]] = {
    "invalid_argument": errors.InvalidArgument,
    "invalid_json": errors.InvalidJson,
    "too_large": errors.PayloadTooLarge,
    "unknown_function": errors.UnknownFunction,
    "not_found": errors.NotFound,
    "conflict": errors.WrongState,
    "gone": errors.InstanceGone,
    "timeout": errors.TimedOut,
    "hub_unreadable": errors.HubUnreadable,
    "no_space": errors.NoSpace,
    "outcome_unknown": errors.OutcomeUnknown,
    "host_stopped": errors.OutcomeUnknown,
    "app_load_error": errors.AppLoadError,
    "mismatch": errors.Disagreement,
    "nondeterminism": errors.Disagreement,
    "unknown_rules": errors.Disagreement,
    "quarantined": errors.Quarantined,
    "unauthorized": errors.Unavailable,
    "forbidden": errors.Unavailable,
    "rate_limited": errors.Unavailable,
}


class RemoteControl:
    """The running host at `url`, such as `http://127.0.0.1:7071`."""

    online = True

    def __init__(self, url: str, *, key: str = "", clock: Clock | None = None) -> None:
        """`key`: the hub's, for a host that asks for keys; it is sent once the host has proved that it knows it."""
        self._address = address_of(url)
        self._unproved_key, self._key = key, ""
        self._clock = clock or SystemClock()

    def hub(self) -> wire.HubInfo:
        """Which hub the host at this address serves. Unavailable when nobody answers."""
        answer = self._ask("GET", "/hub")
        try:
            return msgspec.json.decode(answer.body, type=wire.HubInfo)
        except msgspec.MsgspecError:
            raise Unavailable("what answers there is no dfcli host", why=self._address.authority) from None

    def is_alive(self, hub_path: str) -> bool:
        """Whether a host of this very hub answers: the port may have gone to somebody else since."""
        try:
            return os.path.realpath(self.hub().hub_path) == os.path.realpath(hub_path)
        except DfError:
            return False

    def functions(self) -> list[wire.FunctionInfo]:
        """The functions of the app as it runs now."""
        return msgspec.json.decode(self._ask("GET", "/functions").body, type=list[wire.FunctionInfo])

    def run_function(self, name: str, given: wire.RunRequest, *, key: str = "") -> dict[str, Any]:
        """Run a function that is no durable one once, for as long as it takes: how it ended, as JSON has it. `key`: the
        master key, which is shown once the host has proved itself."""
        path = f"/functions/{_quoted(name)}/run"
        answer = self._ask("POST", path, msgspec.json.encode(given), key=key if self._key else "", answer_seconds=None)
        found: dict[str, Any] = msgspec.json.decode(answer.body)
        return found

    def client_payload(self, sdk: str) -> bytes:
        """The JSON text that a durable client of another library is made from."""
        return self._ask("GET", f"/client-payload{_query({'sdk': sdk})}").body

    def start(
        self,
        name: str,
        payload: Payload,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        start_at: str | None = None,
        replace: bool | None = None,
    ) -> str:
        query = {
            "instanceId": instance_id or "",
            "version": version or "",
            "startAt": start_at or "",
            "replace": "" if replace is None else str(replace),
        }
        try:
            answer = self._ask("POST", f"/orchestrators/{_quoted(name)}{_query(query)}", _body(payload))
        except errors.WrongState as error:  # the one conflict a start knows
            raise errors.InstanceExists(error.what, why=error.why, hint=error.hint) from None
        return str(msgspec.json.decode(answer.body)["id"])

    def status(self, instance_id: str) -> InstanceStatus:
        return _status(self._ask("GET", f"/instances/{_quoted(instance_id)}").body)

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        return wire.decode_events(self._ask("GET", f"/instances/{_quoted(instance_id)}/events{_exec(exec)}").body)

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        return wire.split_lines(self._ask("GET", f"/instances/{_quoted(instance_id)}/lines{_exec(exec)}").body)

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        query = {**wire.filter_query(which), "top": str(top), "continuation": continuation}
        return wire.decode_page(self._ask("GET", f"/instances{_query(query)}").body)

    def raise_event(self, instance_id: str, name: str, payload: Payload) -> None:
        self._ask("POST", f"/instances/{_quoted(instance_id)}/events/{_quoted(name)}", _body(payload))

    def signal_entity(self, name: str, key: str, operation: str, payload: Payload, *, due: str | None = None) -> None:
        query = _query({"op": operation, "due": due or ""})
        self._ask("POST", f"/entities/{_quoted(name)}/{_quoted(key)}/signals{query}", _body(payload))

    def terminate(self, instance_id: str, reason: str, *, recursive: bool = False) -> None:
        query = {"reason": reason, "recursive": "true" if recursive else ""}
        self._ask("POST", f"/instances/{_quoted(instance_id)}/terminate{_query(query)}")

    def suspend(self, instance_id: str, reason: str) -> None:
        self._ask("POST", f"/instances/{_quoted(instance_id)}/suspend{_query({'reason': reason})}")

    def resume(self, instance_id: str, reason: str) -> None:
        self._ask("POST", f"/instances/{_quoted(instance_id)}/resume{_query({'reason': reason})}")

    def rewind(
        self, instance_id: str, reason: str, *, cut: int | None = None, dry_run: bool = False, verify: bool = True
    ) -> RewindReport:
        query = {"reason": reason, "from": str(cut or ""), "dryRun": str(dry_run), "verify": str(verify)}
        answer = self._ask("POST", f"/instances/{_quoted(instance_id)}/rewind{_query(query)}")
        return msgspec.json.decode(answer.body, type=RewindReport)

    def restart(self, instance_id: str, *, new_id: bool = True) -> str:
        path = f"/instances/{_quoted(instance_id)}/restart{_query({'newId': str(new_id)})}"
        try:
            answer = self._ask("POST", path)
        except errors.WrongState as error:
            raise errors.InstanceExists(error.what, why=error.why, hint=error.hint) from None
        return str(msgspec.json.decode(answer.body)["id"])

    def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        query = _query({"recursive": "true" if recursive else ""})
        answer = self._ask("DELETE", f"/instances/{_quoted(instance_id)}{query}")
        return int(msgspec.json.decode(answer.body)["instancesDeleted"])

    def wait(self, instance_id: str, timeout: float | None) -> InstanceStatus:
        deadline = None if timeout is None else self._clock.time() + timeout
        while True:
            left = WAIT_POLL_SECONDS if deadline is None else deadline - self._clock.time()
            seconds = max(0.0, min(left, WAIT_POLL_SECONDS))
            answer = self._ask("GET", f"/instances/{_quoted(instance_id)}/wait{_query({'timeout': f'{seconds:.3f}'})}")
            status = _status(answer.body)
            if not status.summary.is_live:
                return status
            if deadline is not None and self._clock.time() >= deadline:
                raise TimedOut(
                    f"instance {instance_id!r} has not ended after {timeout:g} s",
                    why=f"it is {status.summary.status}",
                    hint=f"dfcli status {instance_id}",
                )

    def close(self) -> None:
        """Nothing is held between requests."""

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str = "",
        answer_seconds: float | None = ANSWER_SECONDS,
    ) -> Answer:
        if self._unproved_key:
            self._demand_proof()
        target, changes = wire.OWN_BASE + path, method != "GET"
        answer = exchange(
            self._address, method, target, body, key=key or self._key, changes=changes, answer_seconds=answer_seconds
        )
        if answer.status < 300:
            return answer
        raise _error(answer)

    def _demand_proof(self) -> None:
        """Raises Unavailable when who listens there does not know the hub's key: it gets neither key nor payload."""
        from dfcli.http.key_proof import is_proof  # only for hosts that ask for keys: it brings OpenSSL

        nonce = RandomIds().token()
        answer = exchange(self._address, "GET", f"{wire.OWN_BASE}/challenge?nonce={nonce}")
        try:
            proof = msgspec.json.decode(answer.body, type=wire.Proof).proof
        except msgspec.MsgspecError:
            proof = ""
        if not is_proof(proof, self._unproved_key, nonce, self._address.authority):
            raise Unavailable(
                f"what answers at {self._address.authority} is not the host of this task hub",
                why="it does not know the hub's key, and was not sent it",
                hint="dfcli run --auth",
            )
        self._unproved_key, self._key = "", self._unproved_key


def _error(answer: Answer) -> DfError:
    """The error that the host refused with, as it was raised there."""
    try:
        member = msgspec.json.decode(answer.body, type=wire.ErrorBody).error
    except msgspec.MsgspecError:
        member = wire.ErrorMember()
    what = member.what or f"the host answered with status {answer.status}"
    kind = _KINDS.get(member.code, Unavailable if answer.status >= 500 else errors.InvalidArgument)
    return kind(what, why=member.why, hint=member.hint)


def _status(body: bytes) -> InstanceStatus:
    found = msgspec.json.decode(body, type=wire.WireStatus)
    summary: InstanceSummary = wire.from_wire(found.summary)
    return InstanceStatus(summary=summary, waits=found.waits, parked=found.parked, host_running=True)


def _body(payload: Payload) -> bytes:
    """A payload as a request body; no payload is an empty one."""
    return (payload.json_text or "").encode()


def _quoted(segment: str) -> str:
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise errors.InvalidArgument(f"{segment[:80]!r} cannot be used", why="it is not well-formed text") from None


def _query(values: dict[str, str]) -> str:
    given = [f"{name}={_quoted(value)}" for name, value in values.items() if value]
    return "?" + "&".join(given) if given else ""


def _exec(exec: int | None) -> str:
    return f"?exec={exec}" if exec is not None else ""
