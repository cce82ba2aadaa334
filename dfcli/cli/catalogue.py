"""The list of commands, with the line of help each has in `dfcli --help`, so that listing them imports none."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command: where its function is, the heading it stands under, and its first line of help."""

    module: str
    function: str
    group: str
    help: str


def _entry(module: str, group: str, help: str, function: str = "") -> Entry:
    return Entry(f"dfcli.cli.{module}", function or module, group, help)


COMMANDS: dict[str, Entry] = {
    "new": _entry("new", "Project", "Make an app from a template.", "new_app"),
    "run": _entry("run", "Project", "Host the app: run its instances and serve its HTTP API."),
    "functions": _entry("functions", "Project", "List the app's functions."),
    "trigger": _entry("trigger", "Project", "Run a function once, whatever triggers it: a queue, a blob, a timer."),
    "doctor": _entry("doctor", "Project", "Show the effective settings, and what is to be mended."),
    "start": _entry("start", "Instances", "Start an instance of an orchestrator."),
    "list": _entry("list", "Instances", "List instances, oldest first.", "list_instances"),
    "status": _entry("status", "Instances", "Show one instance and what it waits for, or the hub at a glance."),
    "inspect": _entry("inspect", "Instances", "Show the history of an instance.", "inspect_instance"),
    "logs": _entry("logs", "Instances", "Show what the host and the app's functions have logged.", "show_logs"),
    "raise-event": _entry("raise_event", "Instances", "Send an external event to an instance."),
    "suspend": _entry("suspend", "Instances", "Hold instances until they are resumed."),
    "resume": _entry("resume", "Instances", "Let suspended instances go on."),
    "terminate": _entry("terminate", "Instances", "End instances now, without running their code again."),
    "rewind": _entry("rewind", "Instances", "Take failed instances back to before their failure, and let them go on."),
    "restart": _entry(
        "restart", "Instances", "Start an orchestrator again with the name, the input and the version of an instance."
    ),
    "purge": _entry("purge", "Instances", "Remove ended instances and their histories."),
    "entity list": _entry("entity_list", "Entities", "List entities with their states, oldest first.", "list_entities"),
    "entity show": _entry(
        "entity_show",
        "Entities",
        "Show the state of an entity, what waits for it, and who has locked it.",
        "show_entity",
    ),
    "entity signal": _entry(
        "entity_signal", "Entities", "Have an entity do something, without waiting for it.", "signal_entity"
    ),
    "replay": _entry("replay", "Debugging", "Run a recorded history against the code and compare.", "replay_history"),
    "keys list": _entry("keys_list", "Keys", "List the keys that requests may show."),
    "keys rotate": _entry("keys_rotate", "Keys", "Make a new key for a scope."),
    "keys revoke": _entry("keys_revoke", "Keys", "End keys now."),
}

EXIT_CODES: dict[int, str] = {
    0: "done; `run` also ends with 0 after Ctrl-C or SIGTERM",
    1: "the instance did not complete (only with `--wait`, `--watch`, `--exit-when-idle`), or one of several failed",
    2: "wrong usage: an option, a name, a filter or a payload",
    3: "not found: the instance, the file, the hub or the app",
    4: "the host or the hub is not available: not running, locked, port in use, disk full, a newer format",
    5: "replay and history do not agree, or `doctor` found something to mend",
    6: "not allowed in the instance's state",
    7: "timed out (only with `--wait` or `--watch`)",
    8: "the app cannot be loaded",
    74: "the host stopped itself after a failed sync",
    130: "interrupted",
    141: "the reader of stdout went away before everything was written",
}
