"""A sample app served by a real `dfcli run` in a folder of the test's own, spoken to over HTTP as `curl` would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLE_APPS = ROOT / "sample_apps"
NAMES = sorted(path.parent.name for path in SAMPLE_APPS.glob("*/function_app.py"))
MADE_BY_RUNNING = (".dfcli", "__pycache__", ".pytest_cache", "*.pyc", "outbox.jsonl", "shop")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Served:
    """A running host."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dfcli", "run", "--port", "0", "--no-watch", "-C", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first:
            raise AssertionError(self.process.communicate()[1])
        self.url = json.loads(first)["url"]

    def transitions(self) -> Iterator[dict[str, Any]]:
        """What the host tells of itself, line by line, as it happens."""
        assert self.process.stdout is not None
        return map(json.loads, self.process.stdout)

    def until_a_timer_is_set(self) -> None:
        """Return once an instance has created a durable timer."""
        next(line for line in self.transitions() if line.get("kind") == "timer" and line["verb"] == "waits for")

    def start(self, name: str, payload: Any) -> dict[str, str]:
        """The links of a new instance."""
        links = self.request("POST", f"{self.url}/api/orchestrators/{name}", payload)
        assert isinstance(links, dict)
        return links

    def request(self, method: str, url: str, payload: Any = None) -> Any:
        body = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
        with _DIRECT.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def outcome(self, links: dict[str, str]) -> dict[str, Any]:
        """The status once the instance has ended; the host itself says when."""
        status = self.request("GET", links["statusQueryGetUri"])
        while status["runtimeStatus"] in ("Pending", "Running"):
            next(self.transitions())
            status = self.request("GET", links["statusQueryGetUri"])
        assert isinstance(status, dict)
        return status

    def stop(self) -> int:
        """Ask it to end, as Ctrl-C does; the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def served(folder: Path, **environ: str) -> Iterator[Served]:
    """Run the app in `folder` until the block ends, which it must do with exit code 0."""
    host = Served(folder, environ)
    try:
        yield host
    except BaseException:
        host.kill()
        raise
    if host.process.returncode is None:
        assert host.stop() == 0


def copied(name: str, tmp_path: Path) -> Path:
    """A fresh copy of a sample app: its hub and files are the test's."""
    folder = tmp_path / name
    shutil.copytree(SAMPLE_APPS / name, folder, ignore=shutil.ignore_patterns(*MADE_BY_RUNNING))
    return folder


def own_tests(folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the app's own tests as its author would, warnings being errors."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SMS_", "SHOP_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env={**environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
