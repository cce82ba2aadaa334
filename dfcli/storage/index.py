"""The index: one SQLite row per instance, so that a million of them can be listed, counted and found without a scan.

A pure function of the files: deleting it loses nothing. It holds committed and synced batches only, and every write
names in the same SQLite transaction the last batch it includes (`applied_batch`), so whatever state a crash leaves is
the state after some batch. Below zero: a rebuild was begun and not finished, and the index cannot be used.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from typing import Any

import msgspec

from dfcli.env.database import forget_database, open_database
from dfcli.env.environment import Env
from dfcli.env.memory import MemoryFiles
from dfcli.model.entity_ids import is_entity_id
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.status import InstanceSummary
from dfcli.storage.index_row import (
    COLUMNS,
    LIVE_CODES,
    SELECTED,
    STATUS_CODES,
    STATUS_NAMES,
    UPSERT,
    row_of,
    summary_of,
)
from dfcli.storage.paging import Place, check_top, in_order, page_from, place_of

FORMAT = 2
FILE_NAME = "index.sqlite"
UNFINISHED = -1
"""`applied_batch` while the index is being rebuilt."""
WORK_PAGE = 1_000
RARE_PREFIX = 2_000
"""Up to so many ids with a prefix are fetched and sorted; more of them are met soon enough in order of creation."""
BRANCHES_MAX = 64
_TABLES = f"""
    CREATE TABLE instances ({COLUMNS});
    CREATE TABLE state (hub_id TEXT NOT NULL, applied_batch INTEGER NOT NULL);
"""
_SEARCHES = """
    CREATE INDEX by_created ON instances (entity, created);
    CREATE INDEX by_status ON instances (status, entity, created);
    CREATE INDEX by_name ON instances (name, status, created);
    CREATE INDEX by_parent ON instances (parent, created) WHERE parent IS NOT NULL;
"""


class IndexUnusable(Exception):
    """The index is missing, damaged, of another version or of another hub: rebuild it, or answer from the files."""


class _Conditions:
    """WHERE terms and their bound values."""

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.values: list[object] = []

    def add(self, term: str, *values: object) -> None:
        self.terms.append(term)
        self.values.extend(values)

    def add_among(self, column: str, values: Iterable[object]) -> None:
        chosen = list(values)
        self.add(f"{column} IN ({','.join('?' * len(chosen))})", *chosen)

    @property
    def text(self) -> str:
        return " AND ".join(self.terms) or "1"


class Index:
    """Written by one thread, read by any: on the disk through a second connection, so that readers never wait."""

    def __init__(
        self, writer: sqlite3.Connection, reader: sqlite3.Connection, *, in_memory: bool, read_only: bool
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._in_memory = in_memory
        self._read_only = read_only
        self._writing = threading.Lock()
        self._reading = self._writing if reader is writer else threading.Lock()
        self.applied_batch = UNFINISHED

    @classmethod
    def open(cls, hub_path: str, env: Env, *, read_only: bool = False) -> Index:
        """The index of a hub as it stands. Raises IndexUnusable."""
        path = _path(hub_path)
        with _unusable_on_error():
            if not isinstance(env.files, MemoryFiles) and not env.files.exists(path):
                raise IndexUnusable("there is none")
            index = cls._connect(path, env, read_only=read_only)
            try:
                index._check(_hub_id(hub_path, env))
            except BaseException:
                index.close()
                raise
            return index

    @classmethod
    def create(cls, hub_path: str, env: Env) -> Index:
        """An empty index in place of whatever is there, marked unfinished until a `write` names a batch. Nothing can be
        looked for before `make_searchable`, which is best called once the rows are there."""
        path = _path(hub_path)
        cls.delete(hub_path, env)
        with _unusable_on_error():
            if not isinstance(env.files, MemoryFiles):
                env.files.open(path, write=True, create=True).close()  # private from the start; SQLite copies the mode
            index = cls._connect(path, env, read_only=False)
            index._writer.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT")
            index._writer.execute("INSERT INTO state VALUES (?, ?)", (_hub_id(hub_path, env), UNFINISHED))
            return index

    def make_searchable(self) -> None:
        """Sort what is there for every kind of question: far cheaper than to keep it sorted row by row."""
        with self._writing, _unusable_on_error():
            self._writer.executescript(f"BEGIN; {_SEARCHES} COMMIT")

    @staticmethod
    def delete(hub_path: str, env: Env) -> None:
        """Remove the index, if there is one. Close it first."""
        path = _path(hub_path)
        if isinstance(env.files, MemoryFiles):
            forget_database(env.files, path)
            return
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                env.files.unlink(path + suffix)

    def write(
        self, rows: Iterable[InstanceSummary], removed: Iterable[str], applied_batch: int, *, durable: bool = False
    ) -> None:
        """Replace the rows of some instances and remove others, in one transaction. HOT: a few µs for each row.

        An instance in both is kept. `durable`: synced when this returns. Raises IndexUnusable, nothing written.
        """
        with self._writing, _unusable_on_error():
            execute = self._writer.execute
            if durable:
                execute("PRAGMA synchronous = FULL")
            execute("BEGIN IMMEDIATE")
            try:
                self._writer.executemany("DELETE FROM instances WHERE id = ?", [(gone,) for gone in removed])
                self._writer.executemany(UPSERT, map(row_of, rows))
                execute("UPDATE state SET applied_batch = ?", (applied_batch,))
                execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    execute("ROLLBACK")
                raise
            finally:
                if durable:
                    with suppress(sqlite3.Error):
                        execute("PRAGMA synchronous = NORMAL")
            self.applied_batch = applied_batch

    def get(self, instance_id: str) -> InstanceSummary | None:
        with self._reading, _unusable_on_error():
            found = self._reader.execute(f"SELECT {SELECTED} FROM instances WHERE id = ?", (instance_id,)).fetchone()
        return None if found is None else summary_of(found)

    def query(self, which: InstanceFilter, *, top: int, continuation: str = "") -> Page:
        """One page. Raises InvalidArgument for a token that this index did not hand out."""
        check_top(top)
        after = place_of(continuation, which)
        found: list[InstanceSummary] = []
        with self._reading, _unusable_on_error(), self._one_snapshot():
            for conditions in self._branches(which):
                _add_place(conditions, after, which.newest_first)
                found += self._select(conditions, top + 1, newest_first=which.newest_first)
        return page_from(in_order(found, which)[: top + 1], which, top)

    def with_work(self, *, only_entities: bool = False) -> Iterator[InstanceSummary]:
        """Live instances that need attention at a start: an episode is due, activities are open, or a timer is; and
        entities that somebody waits for."""
        for code, entity in product(LIVE_CODES, (True,) if only_entities else (False, True)):
            after: Place | None = None
            while True:
                conditions = _Conditions()
                conditions.add("status = ? AND entity = ?", code, entity)
                conditions.add("work")
                _add_place(conditions, after, newest_first=False)
                with self._reading, _unusable_on_error():
                    found = self._select(conditions, WORK_PAGE, newest_first=False)
                yield from found
                if len(found) < WORK_PAGE:
                    break
                after = Place(found[-1].created, found[-1].instance_id)

    def live(self) -> int:
        """How many instances are live; entities are not counted. At once, however many have ended."""
        with self._reading, _unusable_on_error():
            codes = ",".join(map(str, LIVE_CODES))
            sql = f"SELECT count(*) FROM instances WHERE status IN ({codes}) AND entity = 0"
            (count,) = self._reader.execute(sql).fetchone()
        return int(count)

    def entities(self, prefix: str, after: str, most: int) -> list[InstanceSummary]:
        """Up to `most` entities whose ids begin with `prefix` and come after `after`, in order of their ids."""
        sql = f"SELECT {SELECTED} FROM instances WHERE id > ? AND id < ? AND entity = 1 ORDER BY id LIMIT ?"
        low, high = _prefix_range(prefix)
        with self._reading, _unusable_on_error():
            rows = self._reader.execute(sql, (max(low, after), high, most)).fetchall()
        return [summary_of(found) for found in rows]

    def refresh(self) -> int:
        """Read `applied_batch` again: another process may have written."""
        with self._reading, _unusable_on_error():
            (self.applied_batch,) = self._reader.execute("SELECT applied_batch FROM state").fetchone()
        return self.applied_batch

    def close(self) -> None:
        if self._in_memory:
            return  # the database lasts as long as the files it belongs to
        if self._reader is not self._writer:
            with self._reading:
                self._reader.close()
        with self._writing:
            if not self._read_only:
                with suppress(sqlite3.Error):  # a reader is at work: it stays as it is
                    self._writer.execute("PRAGMA busy_timeout = 0")
                    self._writer.execute("PRAGMA journal_mode = DELETE")  # one file at rest: reading it then makes none
            self._writer.close()

    @classmethod
    def _connect(cls, path: str, env: Env, *, read_only: bool) -> Index:
        in_memory = isinstance(env.files, MemoryFiles)
        writer = open_database(env.files, path, read_only=read_only)
        reader = writer
        try:
            if not read_only and not in_memory:
                writer.execute("PRAGMA journal_mode = WAL")
                writer.execute("PRAGMA synchronous = NORMAL")
                writer.execute("PRAGMA cache_size = -16000")
                writer.execute("PRAGMA wal_autocheckpoint = 8000")
                reader = open_database(env.files, path)
                reader.execute("PRAGMA query_only = 1")
        except BaseException:
            writer.close()
            raise
        return cls(writer, reader, in_memory=in_memory, read_only=read_only)

    def _check(self, hub_id: str) -> None:
        (format_found,) = self._reader.execute("PRAGMA user_version").fetchone()
        if format_found != FORMAT:
            raise IndexUnusable(f"its format is {format_found}, not {FORMAT}")
        state = self._reader.execute("SELECT hub_id, applied_batch FROM state").fetchone()
        if state is None or state[0] != hub_id:
            raise IndexUnusable("it belongs to another hub")
        self.applied_batch = state[1]
        if self.applied_batch < 0:
            raise IndexUnusable("its rebuild was not finished")

    @contextmanager
    def _one_snapshot(self) -> Iterator[None]:
        """Several SELECTs that see the same rows: an instance must not slip from one status to another in between."""
        self._reader.execute("BEGIN")
        try:
            yield
        finally:
            self._reader.execute("ROLLBACK")

    def _select(self, conditions: _Conditions, limit: int, *, newest_first: bool) -> list[InstanceSummary]:
        order = "created DESC, id DESC" if newest_first else "created, id"
        sql = f"SELECT {SELECTED} FROM instances WHERE {conditions.text} ORDER BY {order} LIMIT ?"
        return [summary_of(found) for found in self._reader.execute(sql, (*conditions.values, limit))]

    def _branches(self, which: InstanceFilter) -> list[_Conditions]:
        """Queries that together find what is asked for, each of which walks one of the SQL indexes in page order.

        A unary plus before a column keeps SQLite from choosing an index for it that needs a sort of everything.
        """
        names = sorted({name.casefold() for name in which.names})
        statuses = sorted(STATUS_CODES[status] for status in which.statuses if status in STATUS_CODES)
        if which.statuses and not statuses:
            return []
        if which.parent_id is not None or self._is_rare_prefix(which.prefix):
            single = _common(which, walk="parent" if which.parent_id is not None else "id")
            if statuses:
                single.add_among("+status", statuses)
            if names:
                single.add_among("+name", names)
            return [single]
        if not names and not statuses:
            return [_common(which, walk="created")]
        if names and not statuses:
            statuses = list(range(len(STATUS_NAMES)))
        if len(names) * len(statuses) > BRANCHES_MAX:
            walking = _common(which, walk="created")
            walking.add_among("+status", statuses)
            walking.add_among("+name", names)
            return [walking]
        branches = []
        for status in statuses:
            for name in names or [""]:
                branch = _common(which, walk="name" if name else "created")
                branch.add("status = ?", status)
                if name:
                    branch.add("name = ?", name)
                branches.append(branch)
        return branches

    def _is_rare_prefix(self, prefix: str) -> bool:
        if not prefix:
            return False
        sql = "SELECT count(*) FROM (SELECT 1 FROM instances WHERE id >= ? AND id < ? LIMIT ?)"
        (count,) = self._reader.execute(sql, (*_prefix_range(prefix), RARE_PREFIX)).fetchone()
        return bool(count < RARE_PREFIX)


def _common(which: InstanceFilter, *, walk: str) -> _Conditions:
    """The conditions every branch has; only the column `walk` may choose the SQL index."""
    conditions = _Conditions()
    created = "created" if walk != "id" else "+created"
    conditions.add("entity = ?" if walk == "created" else "+entity = ?", is_entity_id(which.prefix))
    if which.parent_id is not None:
        conditions.add("parent = ?", which.parent_id)
    if which.prefix:
        column = "id" if walk == "id" else "+id"
        low, high = _prefix_range(which.prefix)
        conditions.add(f"{column} >= ? AND {column} < ?", low, high)
    if which.created_from is not None:
        conditions.add(f"{created} >= ?", which.created_from)
    if which.created_to is not None:
        conditions.add(f"{created} <= ?", which.created_to)
    return conditions


def _add_place(conditions: _Conditions, after: Place | None, newest_first: bool) -> None:
    """Only what follows a place in page order."""
    if after is not None:
        sign = "<" if newest_first else ">"
        conditions.add(f"created {sign}= ? AND (created {sign} ? OR id {sign} ?)", after.created, *after)


def _prefix_range(prefix: str) -> tuple[str, str]:
    """Texts begin with `prefix` when they are in this half-open range: SQLite compares code points, as Python does."""
    return prefix, prefix + "\U0010ffff" * 300


def _path(hub_path: str) -> str:
    return f"{hub_path}/{FILE_NAME}"


def _hub_id(hub_path: str, env: Env) -> str:
    """The hub's identity, from hub.json."""
    try:
        file = env.files.open(f"{hub_path}/hub.json")
        try:
            found: dict[str, Any] = msgspec.json.decode(file.pread(file.size(), 0), type=dict[str, Any])
        finally:
            file.close()
    except (FileNotFoundError, msgspec.MsgspecError):
        raise IndexUnusable("the hub cannot be identified") from None
    return str(found.get("HubId", ""))


@contextmanager
def _unusable_on_error() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise IndexUnusable(str(error)) from error
