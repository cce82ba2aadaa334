"""The real command line and the real host, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

APP = """
import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def hello(context):
    return (yield context.call_activity("say", context.get_input()))


@app.orchestration_trigger(context_name="context")
def approval(context):
    answer = yield context.wait_for_external_event("approve")
    return answer


@app.orchestration_trigger(context_name="context")
def broken(context):
    yield context.call_activity("fail", None)


@app.orchestration_trigger(context_name="context")
def stuck(context):
    yield context.call_activity("never_ends", None)


@app.activity_trigger(input_name="name")
def say(name):
    return f"Hello {name}"


@app.activity_trigger(input_name="nothing")
def fail(nothing):
    raise ValueError("no luck today")


@app.activity_trigger(input_name="nothing")
def never_ends(nothing):
    import threading

    threading.Event().wait()
"""
APPROVAL_LINE = 'answer = yield context.wait_for_external_event("approve")'


class Said(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class App:
    """A folder with an app, and the commands run in it."""

    def __init__(self, folder: str, source: str = APP) -> None:
        self.folder = folder
        self.file = os.path.join(folder, "function_app.py")
        os.makedirs(folder, exist_ok=True)
        self.write(source)

    def write(self, source: str) -> None:
        """Replace the app's code as an editor does: another file takes its name."""
        temporary = f"{self.file}.tmp"
        with open(temporary, "w") as file:
            file.write(source)
        os.replace(temporary, self.file)

    def line_of(self, text: str) -> int:
        with open(self.file) as file:
            return next(number for number, line in enumerate(file, 1) if text in line)

    @property
    def hub(self) -> str:
        return os.path.join(self.folder, ".dfcli", "default")

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "dfcli", *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            env=environment(),
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that is not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "dfcli", *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """`dfcli run` on a free port, ready; it is ended with SIGTERM when the test has not ended it."""
        host = Running(self, arguments)
        try:
            host.wait_for("ready")
            yield host
        finally:
            host.end()


class Running:
    """A host process. Its stdout is read line by line by whoever waits for something."""

    def __init__(self, app: App, arguments: tuple[str, ...]) -> None:
        self.app = app
        self.facts: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dfcli", "run", "--port", "0", *arguments],
            cwd=app.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )

    def wait_for(self, verb: str, **members: Any) -> dict[str, Any]:
        """The next line that says so. Fails when the host ends before it does."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            fact: dict[str, Any] = json.loads(line)
            self.facts.append(fact)
            if fact["verb"] == verb and members.items() <= fact.items():
                return fact
        raise AssertionError(f"no {verb!r} before the host ended: {self.facts} {self.stderr()}")

    def wait_for_talk(self, text: str) -> str:
        """The next line on stderr that holds the text."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return str(line)
        raise AssertionError(f"the host never said {text!r}")

    def stderr(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """The exit code, once it has ended."""
        return self.process.wait()

    def stop(self) -> Said:
        """End it in order; what it still said."""
        self.signal(signal.SIGTERM)
        out, err = self.process.communicate()
        return Said(self.process.returncode, out, err)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def environment() -> dict[str, str]:
    """This process's, without what would change the commands."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DFCLI_")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
