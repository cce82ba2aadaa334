"""When each timer function ran last and runs next: HUB/schedules, one small file per function, replaced whole.

The record is written when a function is first seen and when a run has ended. So a run that the end of the process cut
off is still due at the next start: a run happens at least once.
"""

from __future__ import annotations

import logging

import msgspec

from dfcli.env.environment import Env
from dfcli.storage.durable import ensure_dir, read_file, replace_file, sync_dir
from dfcli.storage.names import encode_name

log = logging.getLogger("dfcli.storage")

FOLDER = "schedules"


class ScheduleRecord(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What is known of one function's runs. Moments are timestamps."""

    function: str
    schedule: str
    """Settings filled in; another one than the function has now means that it was changed since."""
    time_zone: str
    last: str = ""
    """When the newest run that ended began; empty before the first."""
    next: str
    last_updated: str


class ScheduleRecords:
    """The records of one hub, for its host. May be used on any thread, for one function on one at a time."""

    def __init__(self, hub_path: str, env: Env) -> None:
        self._hub_path = hub_path
        self._folder = f"{hub_path}/{FOLDER}"
        self._env = env

    def read(self, function: str) -> ScheduleRecord | None:
        """None when there is none that can be read: then nothing is known to have been missed."""
        path = f"{self._folder}/{_file_name(function)}"
        try:
            data = read_file(self._env.files, path)
            return msgspec.json.decode(data, type=ScheduleRecord) if data is not None else None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the record of timer %s cannot be read, so runs it missed are not known: %s", function, error)
            return None

    def write(self, record: ScheduleRecord) -> None:
        """Durable when this returns. Raises OSError."""
        if ensure_dir(self._env.files, self._folder):
            sync_dir(self._env.files, self._hub_path)
        replace_file(self._env, self._folder, _file_name(record.function), msgspec.json.encode(record) + b"\n")


def _file_name(function: str) -> str:
    return f"{encode_name(function.casefold())}.json"
