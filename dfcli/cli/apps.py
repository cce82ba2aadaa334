"""The user's app as a command finds it: its settings, and its code for a command that is no host."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dfcli.cli.options import Place

if TYPE_CHECKING:
    from dfcli.project.load import LoadedApp
    from dfcli.project.settings import Settings


def settings_of(where: Place, **flags: object) -> Settings:
    """The settings for a place; `flags` are what the command line set beyond it."""
    from dfcli.project.settings import load_settings

    given = {"hub": where.hub or None, "hub_dir": where.hub_dir or None, **flags}
    return load_settings(where.folder, environ=os.environ, flags=given, cwd=os.getcwd())


def load(where: Place) -> LoadedApp:
    """The app of a place, with its settings in the environment as the host would set them. Raises AppLoadError."""
    from dfcli.project.load import load_app

    settings = settings_of(where)
    settings.export(os.environ)
    with user_code_talks():
        return load_app(where.folder, disabled=settings.disabled)


@contextlib.contextmanager
def user_code_talks() -> Iterator[None]:
    """What the app prints while it is loaded or replayed is talk: it must not get between the lines of a result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
