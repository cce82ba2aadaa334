"""Settings: which source wins, where a value came from, and what is said about a bad one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dfcli.errors import AppLoadError, InvalidArgument
from dfcli.project.keys import KEYS
from dfcli.project.settings import Settings, load_settings


def write(folder: Path, **files: Any) -> None:
    """`toml` as text, `host` and `local` as objects."""
    names = {"toml": "dfcli.toml", "host": "host.json", "local": "local.settings.json"}
    for key, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / names[key]).write_text(text, encoding="utf-8")


def test_without_any_file_everything_has_its_default(tmp_path: Path) -> None:
    settings = load_settings(str(tmp_path))
    assert (settings.hub, settings.port, settings.workers, settings.resident_limit) == ("default", 7071, 0, 10_000)
    assert (settings.on_nondeterminism, settings.drain_seconds, settings.keep_executions) == ("auto", 10.0, 3)
    assert settings.hub_path == str(tmp_path.resolve() / ".dfcli" / "default")
    assert {line.source for line in settings.effective()} == {"default"}


def test_every_key_is_a_member_and_is_listed() -> None:
    assert set(KEYS) <= set(Settings.__struct_fields__)
    assert [line.name for line in Settings().effective()] == list(KEYS)


def test_each_later_source_wins_and_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        toml='port = 1\nhub = "fromtoml"\nmax_concurrent_activities = 5\nlog_level = "debug"\nworkers = 1\n',
        host={"version": "2.0", "extensions": {"durableTask": {"hubName": "FromHost"}}},
        local={"Values": {"DFCLI_WORKERS": "2"}, "Host": {"LocalHttpPort": 2}},
    )
    settings = load_settings(str(tmp_path), environ={"DFCLI_WORKERS": "3", "DFCLI_PORT": ""}, flags={"workers": 4})
    effective = {line.name: (line.value, line.source) for line in settings.effective()}
    assert effective["log_level"] == ("debug", "dfcli.toml")
    assert effective["hub"] == ("FromHost", "host.json")
    assert effective["port"] == (2, "local.settings.json")
    assert effective["workers"] == (4, "--workers")
    assert effective["max_concurrent_activities"] == (5, "dfcli.toml")
    assert load_settings(str(tmp_path), environ={"DFCLI_WORKERS": "3"}).workers == 3
    assert load_settings(str(tmp_path), flags={"workers": None}).workers == 2


def test_the_host_and_the_hub_are_given_what_concerns_them(tmp_path: Path) -> None:
    write(tmp_path, host={"extensions": {"durableTask": {"maxConcurrentActivityFunctions": 3}}}, toml="drain_seconds=1")
    settings = load_settings(
        str(tmp_path), environ={"DFCLI_KEEP_EXECUTIONS": "7", "DFCLI_FREE_BYTES_MIN": "0", "DFCLI_CRASH_LIMIT": "0"}
    )
    assert (settings.host.activity_threads, settings.host.async_activities_max) == (3, 3)
    assert settings.host.drain_seconds == 1.0
    storage = settings.storage
    assert (storage.keep_executions, storage.free_bytes_min, storage.crash_limit) == (7, 0, 0)


def test_values_of_the_app_come_from_files_and_the_environment_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        toml='[app]\nA = "toml"\nB = "toml"\nC = "toml"\nLIMIT = 3\nON = true\n',
        local={"Values": {"B": "local", "C": "local", "FUNCTIONS_WORKER_RUNTIME": "python"}},
    )
    environ = {"C": "shell"}
    settings = load_settings(str(tmp_path), environ=environ)
    assert settings.app == {
        "A": "toml",
        "B": "local",
        "C": "shell",
        "LIMIT": "3",
        "ON": "true",
        "FUNCTIONS_WORKER_RUNTIME": "python",
    }
    assert settings.sources["app.B"] == "local.settings.json"
    assert settings.sources["app.C"] == "environment"
    assert settings.export(environ) == ["C"]
    assert (environ["A"], environ["B"], environ["C"]) == ("toml", "local", "shell")


def test_a_hub_dir_in_a_file_counts_from_the_app_and_in_a_flag_from_the_current_folder(tmp_path: Path) -> None:
    write(tmp_path, toml='hub_dir = "../hubs"')
    assert load_settings(str(tmp_path)).hub_path == str(tmp_path.resolve().parent / "hubs" / "default")
    assert load_settings(str(tmp_path), flags={"hub_dir": "x"}, cwd="/here").hub_path == "/here/x/default"
    assert load_settings(str(tmp_path), environ={"DFCLI_HUB_DIR": "/abs"}, cwd="/here").hub_path == "/abs/default"


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("port = 70000", "port is 70000", "a whole number from 0 to 65535"),
        ('port = "x"', "port is 'x'", "a whole number from 0 to 65535"),
        ("port = true", "port is True", "a whole number"),
        ("resident_limit = 0", "resident_limit is 0", "1 or more"),
        ("drain_seconds = -1", "drain_seconds is -1", "a number of seconds"),
        ("drain_seconds = inf", "drain_seconds is inf", "a number of seconds"),
        ('on_nondeterminism = "ignore"', "on_nondeterminism is 'ignore'", "one of auto, park, fail"),
        ('hub = "no-dash"', "hub is 'no-dash'", "3 to 45 letters and digits"),
        ("hub = 3", "hub is 3", "3 to 45 letters"),
        ("prot = 1", "dfcli.toml has an unknown key 'prot'", "did you mean 'port'?"),
        ("zzz = 1", "dfcli.toml has an unknown key 'zzz'", "[app]"),
        ("app = 1", "app in dfcli.toml is 1", "[app]"),
        ('[app]\n"A=B" = "x"', "'A=B' cannot be used", "text"),
        ("[app]\nA = [1]", "'A' cannot be used", "text"),
    ],
)
def test_a_bad_value_in_a_file_names_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, what: str, hint: str
) -> None:
    write(tmp_path, toml=text)
    with pytest.raises(AppLoadError) as refused:
        load_settings(str(tmp_path))
    assert what in refused.value.what
    assert hint in refused.value.hint
    assert "dfcli.toml" in refused.value.what + refused.value.why or "key" in refused.value.what


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"toml": "port = "}, "dfcli.toml is not valid TOML"),
        ({"host": "{"}, "host.json is not valid JSON"),
        ({"host": "[]"}, "host.json holds no object"),
        ({"host": {"extensions": {"durableTask": 3}}}, "extensions.durableTask in host.json is 3"),
        ({"host": {"extensions": {"durableTask": {"hubName": "%HUB%"}}}}, "extensions.durableTask.hubName is '%HUB%'"),
        ({"local": {"IsEncrypted": True}}, "local.settings.json is encrypted"),
        ({"local": {"Values": {"DFCLI_PORT": "x"}}}, "Values.DFCLI_PORT is 'x'"),
        ({"local": {"Values": {"A": {}}}}, "'A' cannot be used"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, files: dict[str, Any], what: str) -> None:
    write(tmp_path, **files)
    with pytest.raises(AppLoadError) as refused:
        load_settings(str(tmp_path))
    assert what in refused.value.what


def test_a_file_that_is_no_text_is_refused_and_a_byte_order_mark_is_not(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_bytes(b'\xef\xbb\xbf{"version": "2.0"}')
    load_settings(str(tmp_path))
    (tmp_path / "dfcli.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(AppLoadError, match=r"dfcli\.toml is not UTF-8 text"):
        load_settings(str(tmp_path))


@pytest.mark.parametrize(
    ("environ", "flags", "what"),
    [({"DFCLI_PORT": "many"}, {}, "DFCLI_PORT is 'many'"), ({}, {"hub_dir": "a\0b"}, "--hub-dir is 'a")],
)
def test_a_bad_variable_or_flag_is_wrong_usage(
    tmp_path: Path, environ: dict[str, str], flags: dict[str, Any], what: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        load_settings(str(tmp_path), environ=environ, flags=flags)
    assert what in refused.value.what
    assert refused.value.hint.startswith("allowed: ")


def test_the_time_zone_goes_by_azures_name_too(tmp_path: Path) -> None:
    write(tmp_path, toml='time_zone = "Europe/Rome"\n', local={"Values": {"WEBSITE_TIME_ZONE": "Asia/Tokyo"}})
    assert load_settings(str(tmp_path)).time_zone == "Asia/Tokyo"
    assert load_settings(str(tmp_path), environ={"WEBSITE_TIME_ZONE": "America/Lima"}).time_zone == "America/Lima"
    with pytest.raises(InvalidArgument, match="WEBSITE_TIME_ZONE is 'Mars'"):
        load_settings(str(tmp_path), environ={"WEBSITE_TIME_ZONE": "Mars"})
