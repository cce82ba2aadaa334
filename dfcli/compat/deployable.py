"""Whether an app would run on Azure as it is: looked at item by item, without Azure and without running the app."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

import msgspec

from dfcli.compat import determinism
from dfcli.compat.leniencies_at_load import at_load
from dfcli.compat.leniency import LENIENCIES
from dfcli.compat.sdk import DURABLE
from dfcli.model.history import AZURE_RULES
from dfcli.registry.registry import Registry

PYTHONS = ((3, 10), (3, 13))
"""What Azure Functions runs, first and last."""
_BUNDLE = "[4.*, 5.0.0)"
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
SEEN_IN_CODE = frozenset(f"DFA{number}" for number in (101, 102, 103, *range(115, 124), 137))
"""What the code shows, all of it: what an older run has told of these may have been mended since."""
_TOLD = re.compile(r"^(DFA\d+): (.*)", re.DOTALL)


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One look. `level`: ok, warning (works, perhaps not as meant) or error (would not work, or otherwise)."""

    level: str
    code: str
    what: str
    why: str = ""
    hint: str = ""


def items(folder: str, files: Sequence[str], registry: Registry, log: str) -> Iterator[Item]:
    """All looks at the app in `folder`, whose code is `files`. `log` is the host's log of runs on this machine."""
    if registry.rules != AZURE_RULES:
        yield _error(
            "sdk",
            "the app is written for dfcli",
            "it imports dfcli, which Azure does not have",
            "import azure.durable_functions as df, and HttpRequest, HttpResponse from azure.functions; "
            "`dfcli new TEMPLATE NAME --sdk azure` shows how",
        )
        return
    yield _ok("sdk", f"the app uses {DURABLE} {_version(DURABLE)} and azure-functions {_version('azure-functions')}")
    yield from _requirements(folder, files)
    yield from _host_json(folder)
    yield from _local_settings(folder)
    yield _python()
    yield from _triggers(registry)
    yield from _leniencies(registry, log)
    for function in registry.all:
        if function.kind == "orchestrator":
            for line, what, hint in determinism.faults(function.function):
                yield _error("determinism", f"orchestrator {function.name} {what}", f"{function.file}:{line}", hint)


def _requirements(folder: str, files: Sequence[str]) -> Iterator[Item]:
    try:
        with open(os.path.join(folder, "requirements.txt"), encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except OSError:
        yield _error(
            "requirements", "there is no requirements.txt", "Azure installs what it names", f"write one with {DURABLE}"
        )
        return
    named: dict[str, str] = {}
    for line in lines:
        found = None if line.lstrip().startswith(("#", "-")) else _REQUIREMENT.match(line)
        if found:
            named[_normal(found[1])] = found[2].strip()
    for package in ("azure-functions", DURABLE):
        if package not in named:
            yield _error(
                "requirements",
                f"requirements.txt does not name {package}",
                "Azure would not install it",
                f"add {package}",
            )
        else:
            yield _ok("requirements", f"requirements.txt names {package}{named[package]}")
    if DURABLE in named and not re.search(r"<\s*2|~=\s*1|==\s*1", named[DURABLE]):
        yield _warning(
            "requirements",
            f"requirements.txt does not keep {DURABLE} below 2",
            "the 2.x line is another SDK",
            f"write {DURABLE}<2",
        )
    if "dfcli" in named:
        yield _warning("requirements", "requirements.txt names dfcli", "Azure needs it not", "install it beside")
    for module, package in sorted(_imported(folder, files).items()):
        if _normal(package) not in named and _normal(package) not in ("azure-functions", DURABLE):
            yield _error(
                "requirements",
                f"the app imports {module}, and requirements.txt does not name {package}",
                "the import would fail on Azure",
                f"add {package}",
            )


def _imported(folder: str, files: Sequence[str]) -> dict[str, str]:
    """Modules of installed packages that the app's code imports, with the package of each; tests are no part of it."""
    own = {name.partition(os.sep)[0].removesuffix(".py") for name in files}
    distributions = metadata.packages_distributions()
    found = {}
    for name in files:
        if name.endswith(".py") and not name.startswith(f"tests{os.sep}"):
            for module in determinism.imports(os.path.join(folder, name)):
                top = module.partition(".")[0]
                if top not in own and top not in sys.stdlib_module_names and top not in ("azure", "dfcli", "__app__"):
                    found[top] = distributions.get(top, [top])[0]
    return found


def _host_json(folder: str) -> Iterator[Item]:
    path = os.path.join(folder, "host.json")
    document = _object(path)
    if document is None:
        yield _error("host.json", "there is no host.json, or it is no JSON object", path, 'write {"version": "2.0", …}')
        return
    if document.get("version") != "2.0":
        yield _error("host.json", "host.json has no version 2.0", path, 'add "version": "2.0"')
    bundle = document.get("extensionBundle")
    written = str(bundle.get("version", "")) if isinstance(bundle, Mapping) else ""
    if not written:
        yield _error(
            "host.json",
            "host.json names no extension bundle",
            "durable triggers come with it",
            f'"extensionBundle": {{"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "{_BUNDLE}"}}',
        )
    elif re.match(r"\[\s*[12]\.", written):
        yield _error("host.json", f"the extension bundle {written} is out of support", path, f"version {_BUNDLE}")
    else:
        yield _ok("host.json", f"host.json names the extension bundle {written}")


def _local_settings(folder: str) -> Iterator[Item]:
    document = _object(os.path.join(folder, "local.settings.json"))
    if document is None:
        yield _warning(
            "local.settings.json",
            "there is no local.settings.json",
            "Azure's own local tools want one",
            '{"IsEncrypted": false, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python"}}',
        )
        return
    values = document.get("Values")
    if not isinstance(values, Mapping) or values.get("FUNCTIONS_WORKER_RUNTIME") != "python":
        yield _warning(
            "local.settings.json",
            "FUNCTIONS_WORKER_RUNTIME is not python in local.settings.json",
            "Azure's own local tools ask for it",
            "set it in Values; on Azure it is an application setting",
        )
    else:
        yield _ok("local.settings.json", "local.settings.json names the runtime; it is not deployed")


def _python() -> Item:
    own = sys.version_info[:2]
    shown = ".".join(map(str, own))
    first, last = (".".join(map(str, version)) for version in PYTHONS)
    if PYTHONS[0] <= own <= PYTHONS[1]:
        return _ok("python", f"Azure Functions runs Python {shown}")
    return _error(
        "python", f"Azure Functions does not run Python {shown}", f"it runs {first} to {last}", "use one of these"
    )


def _triggers(registry: Registry) -> Iterator[Item]:
    for function in registry.unsupported:
        yield _ok("triggers", f"{function.name} is triggered there: {', '.join(function.needs)}")


def _leniencies(registry: Registry, log: str) -> Iterator[Item]:
    """What is seen of the code, and what else runs on this machine have told."""
    found_in_code: set[tuple[str, str]] = set()
    for function in registry.all:
        for seen in at_load(function):
            found_in_code.add((seen.code, function.name))
            what, hint = LENIENCIES[seen.code]
            detail = f" ({seen.detail})" if seen.detail else ""
            yield _error(seen.code, f"{function.name} {what}{detail}", seen.place, hint)
    told = set()
    for line in log.splitlines():
        if '"dfcli.azure"' not in line:
            continue
        try:
            message = str(json.loads(line).get("message", ""))
        except ValueError:
            continue
        found = _TOLD.match(message)
        if not found or found[1] not in LENIENCIES or found[1] in SEEN_IN_CODE or message in told:
            continue
        told.add(message)
        if (found[1], found[2].partition(" ")[0]) not in found_in_code:
            what, _, hint = found[2].rpartition("; ")
            yield _error(found[1], what, "seen in a run on this machine", hint)


def _object(path: str) -> Mapping[str, Any] | None:
    try:
        with open(path, encoding="utf-8-sig") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _ok(code: str, what: str) -> Item:
    return Item(level="ok", code=code, what=what)


def _warning(code: str, what: str, why: str, hint: str) -> Item:
    return Item(level="warning", code=code, what=what, why=why, hint=hint)


def _error(code: str, what: str, why: str, hint: str) -> Item:
    return Item(level="error", code=code, what=what, why=why, hint=hint)
