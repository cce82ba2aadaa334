"""Whether an app would run on Azure as it is: looked at item by item, without Azure and without running the app."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.compat.deployment_files import FUNCTIONS, Item, error, file_items, ok
from dfcli.compat.determinism import faults
from dfcli.compat.leniencies_at_load import ONLY_IN_CODE, at_load
from dfcli.compat.leniency import LENIENCIES
from dfcli.compat.sdk import DURABLE
from dfcli.compat.source_reading import imports_of
from dfcli.errors import AppLoadError
from dfcli.model.history import AZURE_RULES
from dfcli.registry.registry import Registry

_TOLD = re.compile(r"^(DFA\d+): (.*)", re.DOTALL)


def items(folder: str, files: Sequence[str], registry: Registry | AppLoadError, told: Iterable[str]) -> Iterator[Item]:
    """All looks at the app in `folder`, whose code is `files`. `told` is what runs of this code have logged of
    leniencies. An app that cannot be loaded has its error instead of functions."""
    if isinstance(registry, AppLoadError):
        yield error("app", registry.what, registry.why, registry.hint)
        yield from file_items(folder, files)
        return
    if registry.rules != AZURE_RULES:
        yield from _of_this_library(folder, files)
        return
    yield ok("sdk", f"the app uses {DURABLE} {_version(DURABLE)} and {FUNCTIONS} {_version(FUNCTIONS)}")
    wanted = {name: None for function in registry.all for name in function.app_values}
    yield from file_items(folder, files, list(wanted))
    for function in registry.unsupported:
        yield ok("triggers", f"{function.name} is triggered there: {', '.join(function.needs)}")
    yield from _leniencies(registry.all, told)
    for function in registry.all:
        if function.kind == "orchestrator":
            for fault in faults(function.function):
                yield error("determinism", f"orchestrator {function.name} {fault.what}", fault.place, fault.hint)


def _of_this_library(folder: str, files: Sequence[str]) -> Iterator[Item]:
    places = [
        f"{name}:{line}"
        for name in files
        if name.endswith(".py") and not name.startswith("tests")
        for module, line in imports_of(f"{folder}/{name}")
        if module.partition(".")[0] == "dfcli"
    ]
    yield error(
        "sdk",
        "the app is written for dfcli",
        f"it imports dfcli, which Azure does not have: {', '.join(places)}",
        "import azure.durable_functions as df, and HttpRequest, HttpResponse from azure.functions; "
        "`dfcli new TEMPLATE NAME --sdk azure` shows how",
    )


def _leniencies(functions: Sequence[FunctionDefinition], told: Iterable[str]) -> Iterator[Item]:
    """What is seen of the code, and what else runs have told."""
    found_in_code: set[tuple[str, str]] = set()
    for function in functions:
        for seen in at_load(function):
            found_in_code.add((seen.code, function.name))
            what, hint = LENIENCIES[seen.code]
            detail = f" ({seen.detail})" if seen.detail else ""
            yield error(seen.code, f"{function.name} {what}{detail}", seen.place, hint)
    for message in dict.fromkeys(told):
        found = _TOLD.match(message)
        if not found or found[1] in ONLY_IN_CODE or found[1] not in LENIENCIES:
            continue
        if (found[1], found[2].partition(" ")[0]) not in found_in_code:
            what, _, hint = found[2].rpartition("; ")
            yield error(found[1], what, "seen in a run on this machine", hint)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"
