"""Where settings are read from. Each reader adds to a `Reading`; the later one wins, name by name."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dfcli.errors import AppLoadError, DfError, InvalidArgument
from dfcli.project.keys import KEYS

TOML = "dfcli.toml"
HOST_JSON = "host.json"
LOCAL_SETTINGS = "local.settings.json"
FILES = (TOML, HOST_JSON, LOCAL_SETTINGS)
VARIABLE_PREFIX = "DFCLI_"
TIME_ZONE = "WEBSITE_TIME_ZONE"
"""Azure's name for the setting `time_zone`."""


@dataclass(slots=True)
class Reading:
    """What has been read so far."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    app: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def set(self, key: str, value: Any, origin: str, spelt: str, kind: type[DfError]) -> None:
        """Note a value. `spelt` is the key as the user wrote it; a bad value raises `kind`."""
        try:
            self.values[key] = KEYS[key].take(value)
        except ValueError:
            raise kind(
                f"{spelt} is {value!r}, which cannot be used",
                why=f"{origin} sets it" if origin != spelt else "the value is not allowed",
                hint=f"allowed: {KEYS[key].allowed}",
            ) from None
        self.origins[key] = origin

    def set_app(self, name: str, value: Any, origin: str) -> None:
        """Note a value for the app's environment, which holds text only."""
        if not name or "=" in name or "\0" in name or not isinstance(value, str | int | float):
            raise AppLoadError(
                f"the app's value {name!r} cannot be used",
                why=f"in {origin} it is {value!r}; an environment variable has a plain name and holds text",
                hint="write text, a number, true or false",
            )
        self.app[name] = str(value).lower() if isinstance(value, bool) else str(value)
        self.origins[f"app.{name}"] = origin


def read_toml(read: Reading, folder: str) -> None:
    """dfcli.toml: one key per line, and `[app]` with free values for the app."""
    text = text_of(folder, TOML)
    if text is None:
        return
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AppLoadError(f"{TOML} is not valid TOML", why=f"{os.path.join(folder, TOML)}: {error}") from None
    for key, value in table.items():
        if key == "app":
            _read_app_table(read, value)
        elif key in KEYS:
            read.set(key, value, TOML, key, AppLoadError)
        else:
            import difflib  # only for this message: every command reads settings

            near = difflib.get_close_matches(key, [*KEYS, "app"], 1)
            raise AppLoadError(
                f"{TOML} has an unknown key {key!r}",
                why=f"the keys are {', '.join(KEYS)}, and the table [app] for values of the app's own",
                hint=f"did you mean {near[0]!r}?" if near else "put values of your own under [app]",
            )


def read_local_settings(read: Reading, folder: str) -> None:
    """local.settings.json: `Values` for the app's environment (`DFCLI_*` among them are settings), port and CORS."""
    document = json_of(folder, LOCAL_SETTINGS)
    if document.get("IsEncrypted") is True:
        raise AppLoadError(
            f"{LOCAL_SETTINGS} is encrypted",
            why="only the tool that wrote it can read its values",
            hint="decrypt it with `func settings decrypt`",
        )
    host = object_of(document, "Host", LOCAL_SETTINGS)
    for theirs, ours in (("LocalHttpPort", "port"), ("CORS", "cors"), ("CORSCredentials", "cors_credentials")):
        if host.get(theirs) is not None:
            read.set(ours, host[theirs], LOCAL_SETTINGS, f"Host.{theirs}", AppLoadError)
    for name, value in object_of(document, "Values", LOCAL_SETTINGS).items():
        key = _key_of_variable(name)
        if key is not None:
            read.set(key, value, LOCAL_SETTINGS, f"Values.{name}", AppLoadError)
        elif value is not None:
            read.set_app(name, value, LOCAL_SETTINGS)
            if name == TIME_ZONE and value:
                read.set("time_zone", value, LOCAL_SETTINGS, f"Values.{name}", AppLoadError)


def read_environment(read: Reading, environ: Mapping[str, str]) -> None:
    """`DFCLI_PORT=7072` and the like; an empty variable counts as not set. The app's own variables win over files."""
    if environ.get(TIME_ZONE):
        read.set("time_zone", environ[TIME_ZONE], TIME_ZONE, TIME_ZONE, InvalidArgument)
    for name, value in environ.items():
        key = _key_of_variable(name)
        if key is not None and value:
            read.set(key, value, name, name, InvalidArgument)
    for name in read.app:
        if name in environ:
            read.app[name] = environ[name]
            read.origins[f"app.{name}"] = "environment"


def read_flags(read: Reading, flags: Mapping[str, Any]) -> None:
    """What the command line said; None is a flag that was not given."""
    for key, value in flags.items():
        if value is not None:
            flag = f"--{key.replace('_', '-')}"
            read.set(key, value, flag, flag, InvalidArgument)


def _key_of_variable(name: str) -> str | None:
    key = name.removeprefix(VARIABLE_PREFIX).lower()
    return key if name.startswith(VARIABLE_PREFIX) and key in KEYS else None


def _read_app_table(read: Reading, table: Any) -> None:
    if not isinstance(table, dict):
        raise AppLoadError(f"app in {TOML} is {table!r}", why="it is a table", hint="write [app] on its own line")
    for name, value in table.items():
        read.set_app(name, value, TOML)


def text_of(folder: str, name: str) -> str | None:
    """A file of the app as text, None when there is none. A byte order mark, as some editors write, is dropped."""
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise AppLoadError(f"{name} is not UTF-8 text", why=f"{path}: {error}", hint="save it as UTF-8") from None
    except OSError as error:
        raise AppLoadError(f"{name} cannot be read", why=f"{path}: {error.strerror}") from None


def json_of(folder: str, name: str) -> dict[str, Any]:
    text = text_of(folder, name)
    if text is None:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AppLoadError(f"{name} is not valid JSON", why=f"{os.path.join(folder, name)}: {error}") from None
    if not isinstance(document, dict):
        raise AppLoadError(f"{name} holds no object", why=f"{os.path.join(folder, name)} begins with another value")
    return document


def object_of(document: dict[str, Any], key: str, file: str, path: str = "") -> dict[str, Any]:
    value = document.get(key)
    if value is not None and not isinstance(value, dict):
        raise AppLoadError(f"{path}{key} in {file} is {value!r}", why="it is an object", hint=f'"{key}": {{...}}')
    return value or {}
