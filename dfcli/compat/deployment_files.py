"""What Azure is given beside the code: requirements.txt, host.json, settings, and the version of Python."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

import msgspec

from dfcli.compat.sdk import DURABLE
from dfcli.compat.source_reading import imports_of

FUNCTIONS = "azure-functions"
PYTHONS = ((3, 10), (3, 13))
"""What Azure Functions runs, first and last."""
BUNDLE = "[4.*, 5.0.0)"
BUNDLE_IDS = ("Microsoft.Azure.Functions.ExtensionBundle", "Microsoft.Azure.Functions.ExtensionBundle.Preview")
_NOT_ASKED_FOR = ("azure", "dfcli", "__app__")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One look. `level`: ok, warning (works, perhaps not as meant) or error (would not work, or otherwise)."""

    level: str
    code: str
    what: str
    why: str = ""
    hint: str = ""


def ok(code: str, what: str) -> Item:
    return Item(level="ok", code=code, what=what)


def warning(code: str, what: str, why: str, hint: str) -> Item:
    return Item(level="warning", code=code, what=what, why=why, hint=hint)


def error(code: str, what: str, why: str, hint: str) -> Item:
    return Item(level="error", code=code, what=what, why=why, hint=hint)


def file_items(folder: str, files: Sequence[str], wanted: Sequence[str] = ()) -> Iterator[Item]:
    """Looks at the app in `folder`, whose code is `files` and whose triggers name the settings `wanted`."""
    yield from _requirements(folder, files)
    yield from _host_json(folder)
    yield from _local_settings(folder, wanted)
    yield _python(folder)


# -- requirements.txt ----------------------------------------------------------------------------------------------


def _requirements(folder: str, files: Sequence[str]) -> Iterator[Item]:
    named = _named(folder)
    if named is None:
        yield error(
            "requirements", "there is no requirements.txt", "Azure installs what it names", f"write one with {DURABLE}"
        )
        return
    uses_durable = any(
        module.startswith("azure.durable_functions") or module == "azure.durable_functions"
        for name in files
        if name.endswith(".py")
        for module, _ in imports_of(os.path.join(folder, name))
    )
    for package in (FUNCTIONS, DURABLE) if uses_durable else (FUNCTIONS,):
        if package in named:
            yield ok("requirements", f"requirements.txt names {package}{named[package]}")
        else:
            yield error(
                "requirements",
                f"requirements.txt does not name {package}",
                "Azure would not install it",
                f"add {package}",
            )
    yield from _versions(named)
    if "dfcli" in named:
        yield warning("requirements", "requirements.txt names dfcli", "Azure needs it not", "install it beside")
    for module, packages in sorted(_imported(folder, files).items()):
        if not any(package in named for package in packages):
            yield error(
                "requirements",
                f"the app imports {module}, and requirements.txt does not name {packages[0]}",
                "the import would fail on Azure, unless another package brings it along",
                f"add {packages[0]}",
            )


def _versions(named: Mapping[str, str]) -> Iterator[Item]:
    written = named.get(DURABLE)
    if written is not None and re.search(r"(==|~=|>=|>)\s*[2-9]", written):
        yield error(
            "requirements",
            f"requirements.txt asks for {DURABLE}{written}",
            "the 2.x line is another SDK, which this app is not tried with here",
            f"write {DURABLE}<2",
        )
    elif written is not None and not re.search(r"<=?\s*[12]\b|~=\s*1|==\s*1", written):
        yield warning(
            "requirements",
            f"requirements.txt does not keep {DURABLE} below 2",
            "the 2.x line is another SDK",
            f"write {DURABLE}<2",
        )
    for package in (FUNCTIONS, DURABLE):
        pinned = re.match(r"==\s*([0-9][0-9.]*)\s*$", named.get(package, ""))
        installed = _version(package)
        if pinned and installed and pinned[1] != installed:
            yield warning(
                "requirements",
                f"Azure would run {package} {pinned[1]}, and here it is {installed}",
                "what was tried is not what is deployed",
                f"{sys.executable} -m pip install '{package}=={pinned[1]}'",
            )
    pinned = re.match(r"==\s*([0-9][0-9.]*)\s*$", named.get(FUNCTIONS, ""))
    least = _least_functions()
    if pinned and least and _numbers(pinned[1]) < _numbers(least):
        yield error(
            "requirements",
            f"{FUNCTIONS} {pinned[1]} cannot be installed beside {DURABLE}",
            f"{DURABLE} {_version(DURABLE)} asks for {least} or newer",
            f"write {FUNCTIONS}>={least}",
        )


def _named(folder: str) -> dict[str, str] | None:
    """Packages that requirements.txt names, and how; files that it includes count, too."""
    named: dict[str, str] = {}
    waiting = [os.path.join(folder, "requirements.txt")]
    read: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in read:
            continue
        try:
            with open(path, encoding="utf-8-sig") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError):
            if not read:
                return None
            continue
        read.add(path)
        for line in lines:
            included = re.match(r"\s*(?:-r|--requirement)[\s=]+(\S+)", line)
            if included:
                waiting.append(os.path.join(os.path.dirname(path), included[1]))
            found = None if line.lstrip().startswith(("#", "-")) else _REQUIREMENT.match(line)
            if found:
                named[_normal(found[1])] = found[2].strip()
    return named


def _imported(folder: str, files: Sequence[str]) -> dict[str, list[str]]:
    """Modules of installed packages that the app's code imports, with the packages that may hold each, the likeliest
    first; tests are no part of the app."""
    own = {name.partition(os.sep)[0].removesuffix(".py") for name in files}
    distributions = metadata.packages_distributions()
    found: dict[str, list[str]] = {}
    for name in files:
        if name.endswith(".py") and not name.startswith(f"tests{os.sep}"):
            for module, _ in imports_of(os.path.join(folder, name)):
                top, *below = module.split(".")
                if top == "azure" and below and below[0] not in ("functions", "durable_functions"):
                    found[module] = [_normal("-".join(["azure", *below[:n]])) for n in range(len(below), 0, -1)]
                elif top not in own and top not in sys.stdlib_module_names and top not in _NOT_ASKED_FOR:
                    found[top] = [_normal(package) for package in distributions.get(top, [top])]
    return found


def _least_functions() -> str:
    """The oldest azure-functions beside the installed durable SDK; empty when that does not say."""
    try:
        asked = metadata.requires(DURABLE) or []
    except metadata.PackageNotFoundError:
        return ""
    found = [match[1] for text in asked if (match := re.match(rf"{FUNCTIONS}\s*>=\s*([0-9.]+)", text))]
    return found[0] if found else ""


# -- host.json and local.settings.json -----------------------------------------------------------------------------


def _host_json(folder: str) -> Iterator[Item]:
    path = os.path.join(folder, "host.json")
    document = _object(path)
    if document is None:
        yield error("host.json", "there is no host.json, or it is no JSON object", path, 'write {"version": "2.0", …}')
        return
    if document.get("version") != "2.0":
        yield error("host.json", "host.json has no version 2.0", path, 'add "version": "2.0"')
    bundle = document.get("extensionBundle")
    bundle = bundle if isinstance(bundle, Mapping) else {}
    written, bundle_id = str(bundle.get("version", "")), str(bundle.get("id", ""))
    if not written:
        yield error(
            "host.json",
            "host.json names no extension bundle",
            "durable triggers come with it",
            f'"extensionBundle": {{"id": "{BUNDLE_IDS[0]}", "version": "{BUNDLE}"}}',
        )
    elif not re.match(r"[\[(]\s*\d+\.", written):
        yield error("host.json", f"the extension bundle {written} is no range of versions", path, f"version {BUNDLE}")
    elif re.match(r"[\[(]\s*[12]\.", written):
        yield error("host.json", f"the extension bundle {written} is out of support", path, f"version {BUNDLE}")
    elif re.match(r"[\[(]\s*3\.", written):
        yield warning("host.json", f"the extension bundle {written} is an old one", path, f"version {BUNDLE}")
    else:
        yield ok("host.json", f"host.json names the extension bundle {written}")
    if written and bundle_id and bundle_id not in BUNDLE_IDS:
        yield error("host.json", f"there is no extension bundle {bundle_id}", path, f'"id": "{BUNDLE_IDS[0]}"')


def _local_settings(folder: str, wanted: Sequence[str]) -> Iterator[Item]:
    document = _object(os.path.join(folder, "local.settings.json"))
    if document is None:
        yield warning(
            "local.settings.json",
            "there is no local.settings.json",
            "Azure's own local tools want one",
            '{"IsEncrypted": false, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python"}}',
        )
    found = document.get("Values") if document is not None else None
    values: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    if document is not None and values.get("FUNCTIONS_WORKER_RUNTIME") != "python":
        yield warning(
            "local.settings.json",
            "FUNCTIONS_WORKER_RUNTIME is not python in local.settings.json",
            "Azure's own local tools ask for it",
            "set it in Values; on Azure it is an application setting",
        )
    elif document is not None:
        yield ok("local.settings.json", "local.settings.json names the runtime; it is not deployed")
    for name in wanted:
        if not any(known in (name, f"AzureWebJobs{name}") or known.startswith(f"{name}__") for known in values):
            yield warning(
                "settings",
                f"a trigger names the setting {name}, which local.settings.json does not have",
                "on Azure the function is not started without it",
                f"set the application setting {name} there",
            )
    if "WEBSITE_TIME_ZONE" in values:
        yield warning(
            "settings",
            "WEBSITE_TIME_ZONE is set",
            "Azure's Consumption plan on Linux, where Python runs, does not honour it: schedules are in UTC there",
            "write schedules in UTC, or choose another plan",
        )


# -- Python --------------------------------------------------------------------------------------------------------


def _python(folder: str) -> Item:
    own = sys.version_info[:2]
    shown = ".".join(map(str, own))
    first, last = (".".join(map(str, version)) for version in PYTHONS)
    if not PYTHONS[0] <= own <= PYTHONS[1]:
        return error(
            "python", f"Azure Functions does not run Python {shown}", f"it runs {first} to {last}", "use one of these"
        )
    try:
        with open(os.path.join(folder, ".python-version"), encoding="utf-8") as file:
            wished = re.match(r"\s*(\d+\.\d+)", file.read())
    except (OSError, UnicodeDecodeError):
        wished = None
    if wished is not None and wished[1] != shown:
        return warning(
            "python",
            f".python-version says {wished[1]}, and the app runs here on {shown}",
            f"Azure runs {first} to {last}, as it is told when the function app is made",
            "use the same in all places",
        )
    return ok("python", f"Azure Functions runs Python {shown}")


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
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
