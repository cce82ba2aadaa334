"""Which of Azure's packages are installed, and that they are those we speak for: the 1.x line of the durable SDK."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from importlib import metadata

from dfcli.errors import AppLoadError

DURABLE = "azure-functions-durable"
OLDEST = (1, 2, 10)
"""The first with the decorators of `df.DFApp`, the client's `suspend` and `resume`, and `is_completed` of tasks."""
_IMPORT = re.compile(
    r"^\s*(import\s+azure\.durable_functions|from\s+azure(\s+import\s+.*\bdurable_functions|\.durable_functions))", re.M
)


def uses_durable(sources: Iterable[str]) -> bool:
    """Whether a file of the app imports the durable SDK; files that cannot be read do not."""
    for path in sources:
        with contextlib.suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8-sig") as file:
            if _IMPORT.search(file.read()):
                return True
    return False


def check_versions() -> None:
    """Raises AppLoadError when the durable SDK that would be imported is another line than ours."""
    try:
        version = metadata.version(DURABLE)
    except metadata.PackageNotFoundError:
        return  # importing it will say so
    parts = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if parts[:1] >= (2,):
        raise AppLoadError(
            f"the app's {DURABLE} is {version}, which dfcli does not run yet",
            why="the 2.x line is another SDK, on another protocol; dfcli speaks for 1.x",
            hint=f"{sys.executable} -m pip install '{DURABLE}<2'",
        )
    if parts < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise AppLoadError(
            f"the app's {DURABLE} is {version}, which is too old",
            why=f"dfcli needs {oldest} or newer",
            hint=f"{sys.executable} -m pip install '{DURABLE}>={oldest},<2'",
        )


def check_host_json(folder: str) -> None:
    """Raises AppLoadError for a host.json that the SDK could not read: it does so while it is imported."""
    path = os.path.join(folder, "host.json")
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return
    if text.startswith(codecs.BOM_UTF8):
        raise AppLoadError(
            "host.json begins with a byte order mark, which Azure's SDK cannot read",
            why=f"{path}: the SDK reads the file while it is imported, here as on Azure",
            hint="save it as UTF-8 without a byte order mark",
        )
    try:
        json.loads(text)
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise AppLoadError("host.json is no JSON", why=f"{path}{line}: {error}", hint="correct the file") from error


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """What the packages warn of while they are imported is not shown: `dfcli doctor --azure` says it in full."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"azure\.(functions|durable_functions)")
        yield
