"""`make demo`: a workflow is killed in the middle of its work, comes back and finishes.

Scaffolds the fan-out template in a temporary folder, hosts it, backs up a real folder of a few hundred files, kills
the host with `kill -9` half-way, starts it again, and checks the end: every file is there, and no copy whose result
was recorded before the kill was made a second time. Everything goes through the `dfcli` command, as you would type it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = 400
PATIENCE_SECONDS = 30
DFCLI = [sys.executable, "-m", "dfcli"]


def main() -> int:
    print("What follows is typed into a terminal for you; nothing of it is staged.", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="dfcli-demo-"))
    app, source, target = folder / "backup", folder / "source", folder / "target"
    try:
        _make_source(source)
        _say("An app from a template")
        _run("new", "fan-out-fan-in", "backup", cwd=folder)

        _say(f"Host it, and back up a real folder: {len(_files(source))} files")
        host = _host(app)
        request = json.dumps({"source": str(source), "target": str(target)})
        _run("start", "back_up", "--id", "monday", "--input", request, cwd=app)
        _wait_for_results(app, FILES // 8)
        host.kill()
        host.wait()
        print(f"\n!! kill -9 {host.pid}: {len(_files(target))} of {len(_files(source))} files are there")

        recorded = _recorded(app)
        inodes = {path: (target / path).stat().st_ino for path in recorded}
        _say(f"Nobody runs it now, and still it can be asked: {len(recorded)} results are on the disk")
        _run("status", "monday", cwd=app)

        _say("Start the host again: the backup goes on by itself")
        host = _host(app)
        _run("status", "monday", "--wait", "--timeout", str(PATIENCE_SECONDS), cwd=app)
        _stop(host)

        _say("What happened, as the history tells it")
        _show_history(app)
        return _judge(app, source, target, recorded, inodes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_source(source: Path) -> None:
    """A few hundred files of the Python that runs this, so that the demo needs nothing from the network."""
    library = Path(os.__file__).parent
    for path in sorted(library.rglob("*.py"))[:FILES]:
        copy = source / path.relative_to(library)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _judge(app: Path, source: Path, target: Path, recorded: set[str], inodes: dict[str, int]) -> int:
    """Compare the copies byte by byte, and those recorded before the kill with what they were then."""
    missing = [p for p in _files(source) if not (target / p).exists()]
    differing = [
        p for p in _files(source) if p not in missing and (source / p).read_bytes() != (target / p).read_bytes()
    ]
    again = [path for path, inode in inodes.items() if (target / path).stat().st_ino != inode]
    completed = _recorded_all(app)
    twice = {path for path in completed if completed.count(path) > 1}
    print()
    print(f"  files missing or different after the kill:            {len(missing) + len(differing)}")
    print(f"  results recorded before the kill:                     {len(recorded)}")
    print(f"  of those, copied a second time afterwards:            {len(again)}")
    print(f"  files with more than one recorded result:             {len(twice)}")
    good = not (missing or differing or again or twice) and 0 < len(recorded) < len(completed)
    print("\nThe backup survived kill -9." if good else "\nerror: the demo did not go as it must")
    return 0 if good else 1


def _show_history(app: Path) -> None:
    lines = _output("inspect", "monday", cwd=app).splitlines()
    print("$ dfcli inspect monday")
    print("\n".join([*lines[:9], f"… {len(lines) - 13} more lines …", *lines[-4:]]))
    [file] = (app / ".dfcli" / "default" / "instances").glob("*/monday.1.jsonl")
    print(f"\n$ head -4 {file.relative_to(app)}")
    for line in file.read_text(encoding="utf-8").splitlines()[:4]:
        print(line if len(line) <= 200 else f"{line[:180]}…{line[-19:]}")


def _recorded(app: Path) -> set[str]:
    return set(_recorded_all(app))


def _recorded_all(app: Path) -> list[str]:
    """The files whose copy the history holds a result of."""
    events = [json.loads(line) for line in _output("inspect", "monday", "-o", "jsonl", cwd=app).splitlines()]
    results = [event.get("Result") for event in events if event["EventType"] == "TaskCompleted"]
    return [result["path"] for result in results if isinstance(result, dict) and "sha256" in result]


def _host(app: Path) -> subprocess.Popen[bytes]:
    """`dfcli run` in the background, ready."""
    print("\n$ dfcli run --port 0 &")
    log = (app / "host.log").open("ab")
    position = log.tell()
    host = subprocess.Popen([*DFCLI, "run", "--port", "0", "--no-watch"], cwd=app, stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while b'"verb":"ready"' not in (written := (app / "host.log").read_bytes()[position:]):
        if host.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"error: the host did not start\n{written.decode(errors='replace')}")
        time.sleep(0.01)
    for line in written.decode().splitlines():
        if line.startswith(("recovered", "ready")):
            print(line)
    return host


def _stop(host: subprocess.Popen[bytes]) -> None:
    host.terminate()
    if host.wait(timeout=PATIENCE_SECONDS):
        raise SystemExit(f"error: the host ended with {host.returncode}")


def _wait_for_results(app: Path, count: int) -> None:
    """Until so many copies are recorded: the host tells of each once that is durable."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (app / "host.log").read_bytes().count(b'"verb":"completed","kind":"activity"') < count:
        if time.monotonic() > deadline:
            raise SystemExit("error: the backup made no progress")
        time.sleep(0.002)


def _files(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".part")
    ]


def _run(*words: str, cwd: Path) -> None:
    """Run a command and show it with what it prints."""
    print(f"\n$ dfcli {shlex.join(words)}", flush=True)
    if code := subprocess.run([*DFCLI, *words], cwd=cwd, check=False).returncode:
        raise SystemExit(f"error: the command ended with {code}")


def _output(*words: str, cwd: Path) -> str:
    return subprocess.run([*DFCLI, *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


def _say(text: str) -> None:
    print(f"\n── {text}", flush=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text file
    sys.exit(main())
