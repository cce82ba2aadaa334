"""What the command line promises as a whole: help everywhere, a reference that is up to date, quick starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dfcli import errors
from dfcli.cli import reference
from dfcli.cli.catalogue import COMMANDS, EXIT_CODES
from dfcli.cli.main import load_command
from tests.cli.real import App, environment

HEAVY = {"rich", "pydantic", "asyncio", "starlette", "uvicorn", "watchdog", "email", "ssl", "http.client", "logging"}
DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "docs", "cli.md")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_as_the_catalogue_says(name: str) -> None:
    command = load_command(name)
    assert command.help.split("\n")[0] == COMMANDS[name].help
    for parameter in command.params:
        assert parameter.help, f"{name} {parameter.name}"


def test_the_reference_is_what_the_commands_say() -> None:
    with open(DOCS, encoding="utf-8") as file:
        assert file.read() == reference.page(), "run `python -m dfcli.cli.reference > docs/cli.md`"


def test_every_exit_code_of_an_error_is_in_the_table() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.DfError):
            assert error.exit_code in EXIT_CODES, error


def modules_of(app: App, *arguments: str) -> set[str]:
    script = "import sys\nfrom dfcli.cli.main import main\nmain(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=app.folder,
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return set(done.stderr.split())


def test_help_imports_nothing_but_the_parser(app: App) -> None:
    loaded = modules_of(app, "--help")
    assert not loaded & (HEAVY | {"msgspec", "sqlite3", "json"})
    assert not any(name.startswith(("dfcli.model", "dfcli.host", "dfcli.storage")) for name in loaded)


def test_status_imports_neither_host_nor_engine_nor_what_draws(app: App) -> None:
    with app.running() as host:
        app("start", "approval", "--id", "a", "--wait", "--timeout", "0")
        online = modules_of(app, "status", "a")
        host.stop()
    for loaded in (online, modules_of(app, "status")):
        assert not loaded & HEAVY
        assert not any(name.startswith(("dfcli.engine", "dfcli.authoring", "dfcli.host.host")) for name in loaded)
