"""Loading the user's app for a command that is no host."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dfcli.cli import connection
from dfcli.cli.options import Place

if TYPE_CHECKING:
    from dfcli.project.load import LoadedApp


def load(where: Place) -> LoadedApp:
    """The app of a place, with its settings in the environment as the host would set them. Raises AppLoadError."""
    from dfcli.project.load import load_app

    connection.settings_of(where).export(os.environ)
    with user_code_talks():
        return load_app(where.folder)


@contextlib.contextmanager
def user_code_talks() -> Iterator[None]:
    """What the app prints while it is loaded or replayed is talk: it must not get between the lines of a result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
