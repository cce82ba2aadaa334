"""The host as a process: started, waited for, killed by its id. It is `dfcli run` and nothing less."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

APP = os.path.join(os.path.dirname(__file__), "app", "function_app.py")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS = 30.0


class HostDied(Exception):
    """The host ended by itself; the text is what it said."""


class KilledHost:
    """One app folder and, one after the other, the processes that host it."""

    def __init__(self, folder: str, mutant: str = "") -> None:
        self.folder = folder
        self.effects = os.path.join(folder, "effects.jsonl")
        self.talk = os.path.join(folder, "host.err")
        self._mutant = mutant
        self._out = ""
        self.starts = 0
        self.ended_at = 0
        """When it was first told to end, on the monotonic clock."""
        self.process: subprocess.Popen[bytes] | None = None
        os.makedirs(os.path.join(folder, "app"), exist_ok=True)
        shutil.copyfile(APP, os.path.join(folder, "app", "function_app.py"))
        with open(os.path.join(folder, "app", "dfcli.toml"), "w") as file:
            # The kills are ours, not the activities': none is to be taken for the cause of a crash.
            file.write("crash_limit = 0\n")
        with open(self.effects, "w"):
            pass

    def start(self) -> int:
        """The new process's id."""
        self.starts += 1
        self.ended_at = 0
        self._out = os.path.join(self.folder, f"host-{self.starts}.out")
        module = ["tests.kill.mutants", self._mutant] if self._mutant else ["dfcli"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DFCLI_")}
        environ |= {"KILL_EFFECTS": self.effects, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ROOT}
        with open(self._out, "wb") as out, open(self.talk, "ab") as talk:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module, "run", "--port", "0", "--no-watch"],
                cwd=os.path.join(self.folder, "app"),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=talk,
                env=environ,
            )
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def ready(self) -> int:
        """The port, once the host says it."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with open(self._out, "rb") as file:
                line = file.readline()
            if line.endswith(b"\n"):
                return int(json.loads(line)["url"].rpartition(":")[2])
            self.outlives(0.003)
        raise HostDied(f"not ready after {START_SECONDS:g} s")

    def outlives(self, seconds: float) -> None:
        """Let time pass. Raises HostDied when the host ends meanwhile, which nobody asked it to."""
        assert self.process is not None
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        if code == -signal.SIGKILL:
            return  # that was us, at an answer
        with open(self.talk, errors="replace") as file:
            raise HostDied(f"it ended by itself with code {code}: {file.read()[-2000:]}")

    def outlives_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self.outlives(0.001)

    def kill(self) -> None:
        """SIGKILL, to this process only; from any thread, any number of times."""
        self._send(signal.SIGKILL)

    def end(self, *signals: signal.Signals) -> int:
        """The exit code after these signals."""
        assert self.process is not None
        for position, number in enumerate(signals):
            if position:  # sent in one breath, two may arrive as one
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.004)
            self._send(number)
        try:
            return self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            raise HostDied(f"it did not end within {START_SECONDS:g} s") from None

    def _send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.ended_at = self.ended_at or time.monotonic_ns()
        self.process.send_signal(number)
