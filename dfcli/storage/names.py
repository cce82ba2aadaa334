"""File names for instance ids: injective, also on file systems that fold case, and safe on every system.

The rules are fixed for the life of the format; docs/on-disk-format.md shows them. Nothing here relies on the rules
for ids of the public API: any well-formed Unicode text has a name that stays inside its directory.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from dfcli.model.ids import ExecutionKey

NAME_BYTES_MAX = 120
_HEAD_BYTES_OF_HASHED = 87
_HASH_DIGITS = 32
_STAY = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_UPPER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{digit}" for digit in range(10)), *(f"lpt{digit}" for digit in range(10))]
)
_CODE = [
    chr(byte) if byte in _STAY else "=" + chr(byte).lower() if byte in _UPPER else f"%{byte:02x}" for byte in range(256)
]
_TOKEN = re.compile(r"%([0-9a-f]{2})|=([a-z])|([a-z0-9_-])")
_HASHED = re.compile(r"[a-z0-9_%=-]+~[0-9a-f]{32}\Z")
_FILE = re.compile(r"([a-z0-9_%=~-]+)\.([1-9][0-9]{0,17})\.jsonl\Z")


@lru_cache(maxsize=8192)
def encode_name(instance_id: str) -> str:
    """The name of an instance's files. Raises UnicodeEncodeError for half surrogates, which no id may hold."""
    codes = [_CODE[byte] for byte in instance_id.encode()]
    name = "".join(codes)
    if name.startswith("-") or name in _DEVICES:
        codes[0] = f"%{ord(name[0]):02x}"
        name = "".join(codes)
    if len(name) <= NAME_BYTES_MAX:
        return name
    head = ""
    for code in codes:
        if len(head) + len(code) > _HEAD_BYTES_OF_HASHED:
            break
        head += code
    return f"{head}~{sha256(instance_id.encode()).hexdigest()[:_HASH_DIGITS]}"


def decode_name(name: str) -> str | None:
    """The id of a name; None for a hashed name (its id is in the file's first line) and for what is no name."""
    data = bytearray()
    position = 0
    while position < len(name):
        match = _TOKEN.match(name, position)
        if match is None:
            return None
        escaped, upper, plain = match.groups()
        data.append(int(escaped, 16) if escaped else ord(upper.upper()) if upper else ord(plain))
        position = match.end()
    try:
        instance_id = data.decode()
    except UnicodeDecodeError:
        return None
    return instance_id if instance_id and encode_name(instance_id) == name else None


def is_hashed(name: str) -> bool:
    """Whether the id was too long to be written out in the name."""
    return _HASHED.match(name) is not None


@lru_cache(maxsize=8192)
def shard_of(instance_id: str, digits: int) -> str:
    """The directory, of 16 ** digits, that holds an instance's files."""
    return sha256(instance_id.encode()).hexdigest()[:digits]


def history_file_name(key: ExecutionKey) -> str:
    return f"{encode_name(key.instance_id)}.{key.exec}.jsonl"


class NamedFile(NamedTuple):
    """What the name of a history file says. `instance_id` is None for a hashed name."""

    name: str
    exec: int
    instance_id: str | None


def parse_history_file_name(file: str) -> NamedFile | None:
    """The parts of a history file's name; None for any other file."""
    match = _FILE.match(file)
    if match is None:
        return None
    name, exec_number = match.group(1), int(match.group(2))
    instance_id = decode_name(name)
    if instance_id is None and not is_hashed(name):
        return None
    return NamedFile(name, exec_number, instance_id)
