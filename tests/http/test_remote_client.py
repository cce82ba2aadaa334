"""The client that commands use: every verb, and every error as it was raised at the other end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dfcli import errors
from dfcli.errors import DfError
from dfcli.host.control import Control
from dfcli.http.remote_client import RemoteControl
from dfcli.model import history as h
from dfcli.model import payload
from dfcli.model.payload import NOTHING
from dfcli.model.query import InstanceFilter
from tests.http.fake_host import FakeHost
from tests.http.serving import Serving, serving


@pytest.fixture(scope="module")
def running() -> Iterator[Serving]:
    with serving(FakeHost) as found:
        yield found


@pytest.fixture
def host(running: Serving) -> FakeHost:
    running.host.instances.clear()
    running.host.told.clear()
    return running.host  # type: ignore[no-any-return]


@pytest.fixture
def control(running: Serving, host: FakeHost) -> RemoteControl:
    return RemoteControl(running.url)


def test_it_is_a_control(control: RemoteControl) -> None:
    as_control: Control = control
    assert as_control.online


def test_it_knows_which_hub_answers(control: RemoteControl) -> None:
    assert control.is_alive("/fake/hub")
    assert control.is_alive("/fake/../fake/hub/")
    assert not control.is_alive("/another/hub")
    assert control.hub().version == "1.2.3"
    assert [function.name for function in control.functions()] == ["hello"]


def test_every_verb_reaches_the_host(control: RemoteControl, host: FakeHost) -> None:
    assert control.start("Hello", payload.encode({"a": "ü"}), instance_id="a b+c", version="2") == "a b+c"
    assert host.told == [("start", "Hello", '{"a":"ü"}', "a b+c", "2", None)]
    found = control.status("a b+c")
    assert (found.summary.status, found.summary.input.json_text) == ("Pending", '{"a":"ü"}')
    assert found.host_running
    assert [wait.name for wait in found.waits] == ["Approval"]
    control.raise_event("a b+c", "go/on", payload.encode(True))
    control.raise_event("a b+c", "bare", NOTHING)
    control.suspend("a b+c", "why & how")
    control.resume("a b+c", "")
    assert host.told[1:] == [
        ("raise", "a b+c", "go/on", "true", None),
        ("raise", "a b+c", "bare", None, None),
        ("suspend", "a b+c", "why & how"),
        ("resume", "a b+c", ""),
    ]
    control.terminate("a b+c", "enough")
    assert control.status("a b+c").summary.output.json_text == '"enough"'
    assert control.purge("a b+c") == 1
    control.close()


def test_history_and_lines(control: RemoteControl, host: FakeHost) -> None:
    host.put("a", "Running")
    events: list[h.Event] = [h.OrchestratorStarted(seq=1, event_id=-1, timestamp="t", consumed=0)]
    host.histories["a"] = events
    assert control.history("a") == events
    assert control.history("a", 1) == events
    assert control.lines("a") == host.lines("a")


def test_pages(control: RemoteControl, host: FakeHost) -> None:
    for number in range(5):
        host.put(f"i{number}", "Completed", output=payload.encode(number))
    first = control.query(InstanceFilter(statuses=frozenset({"Completed"})), top=3)
    second = control.query(InstanceFilter(), top=3, continuation=first.continuation)
    assert [item.instance_id for item in first.items + second.items] == ["i0", "i1", "i2", "i3", "i4"]
    assert second.continuation == ""


def raised(act: Any) -> DfError:
    with pytest.raises(DfError) as caught:
        act()
    return caught.value


def test_errors_come_back_as_they_were_raised(control: RemoteControl, host: FakeHost) -> None:
    host.put("live", "Running")
    host.put("ended", "Completed")
    cases: list[tuple[Any, type[DfError]]] = [
        (lambda: control.status("nobody"), errors.NotFound),
        (lambda: control.terminate("nobody", ""), errors.NotFound),
        (lambda: control.terminate("ended", ""), errors.InstanceGone),
        (lambda: control.raise_event("ended", "x", NOTHING), errors.InstanceGone),
        (lambda: control.resume("live", ""), errors.WrongState),
        (lambda: control.purge("live"), errors.WrongState),
        (lambda: control.start("hello", NOTHING, instance_id="live"), errors.InstanceExists),
        (lambda: control.start("nope", NOTHING), errors.UnknownFunction),
        (lambda: control.start("hello", NOTHING, instance_id="@x"), errors.InvalidArgument),
        (lambda: control.start("hello", payload.Payload(text="NaN")), errors.InvalidJson),
        (lambda: control.query(InstanceFilter(), continuation="forged!"), errors.InvalidArgument),
        (lambda: control.status("\ud800"), errors.InvalidArgument),
        (lambda: control.wait("live", 0.01), errors.TimedOut),
        (lambda: control.wait("nobody", 0.01), errors.NotFound),
    ]
    for act, kind in cases:
        error = raised(act)
        assert type(error) is kind
        assert error.what
    assert raised(lambda: control.purge("live")).hint == "dfcli terminate live"
    assert "'hello', 'other'" in raised(lambda: control.start("nope", NOTHING)).why


def test_waiting_ends_with_the_instance(control: RemoteControl, running: Serving, host: FakeHost) -> None:
    host.put("a", "Running")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(control.wait("a", 30)))
    thread.start()
    while not host.waiting:
        running.on_loop(asyncio.sleep(0))
    running.loop.call_soon_threadsafe(host.end, "a", payload.encode("done"))
    thread.join(30)
    assert found[0].summary.output.json_text == '"done"'


def test_nobody_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        control = RemoteControl(f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert isinstance(raised(lambda: control.status("a")), errors.Unavailable)
        assert not control.is_alive("/fake/hub")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_a_stranger_on_the_port_is_no_host(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def answer_all() -> None:
            for _ in range(2):
                connection, _ = stranger.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65536)

        thread = threading.Thread(target=answer_all)
        thread.start()
        control = RemoteControl(f"http://127.0.0.1:{stranger.getsockname()[1]}")
        assert not control.is_alive("/fake/hub")
        error = raised(lambda: control.terminate("a", "")) if b"200 OK\r\n\r\n" not in answer else None
        if error is None:
            control.terminate("a", "")
        else:
            assert isinstance(error, errors.OutcomeUnknown)
        thread.join(10)


@pytest.mark.parametrize(
    "url", ["", "https://127.0.0.1:1", "http://127.0.0.1", "127.0.0.1:80", "http://a/b:80", "http://:1"]
)
def test_only_a_plain_address_is_taken(url: str) -> None:
    assert isinstance(raised(lambda: RemoteControl(url)), errors.InvalidArgument)


def test_the_client_imports_nothing_heavy() -> None:
    script = (
        "import sys, dfcli.http.remote_client\n"
        "heavy = {'starlette', 'uvicorn', 'asyncio', 'http.client', 'ssl', 'email', 'sqlite3', 'typer', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
