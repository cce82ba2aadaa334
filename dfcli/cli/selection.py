"""Which instances a command means: ids, their beginnings, `@last`, `@failed`, ids on stdin, and filters."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec

from dfcli.errors import InvalidArgument, NotFound
from dfcli.host.control import Control, InstanceStatus
from dfcli.model.entity_ids import entity_instance_id, is_entity_id, parse_entity_id
from dfcli.model.ids import check_instance_id
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary

PAGE = 500
LAST = "@last"
FAILED = "@failed"


def matching(control: Control, which: InstanceFilter, limit: int = 0) -> Iterator[InstanceSummary]:
    """Every instance that the filter means, page by page; `limit` 0 is all."""
    continuation = ""
    left = limit
    while True:
        page = control.query(which, top=min(PAGE, left) if limit else PAGE, continuation=continuation)
        yield from page.items
        continuation = page.continuation
        left -= len(page.items)
        if not continuation or (limit and left <= 0):
            return


def for_reading(control: Control, text: str) -> InstanceStatus:
    """The instance that an id, a unique beginning of one, `@last` or `@failed` means."""
    if text in (LAST, FAILED):
        return control.status(_newest(control, text))
    try:
        return control.status(check_instance_id(text) if not text.startswith("@") else text)
    except NotFound as missing:
        found = control.query(InstanceFilter(prefix=text), top=6).items
        if len(found) == 1:
            return control.status(found[0].instance_id)
        if not found:
            raise _nothing(text, missing) from None
        shown = ", ".join(summary.instance_id for summary in found[:5]) + (", …" if len(found) > 5 else "")
        raise InvalidArgument(
            f"{text!r} is the beginning of several ids", why=shown, hint="write more of the id"
        ) from None


def for_changing(control: Control, text: str) -> str:
    """The exact id, or the newest instance's for `@last`."""
    if text == FAILED:
        raise InvalidArgument(
            "@failed may mean another instance a moment later",
            why="commands that change something take exact ids or @last",
            hint="dfcli status @failed -o id",
        )
    if text == LAST:
        return _newest(control, text)
    if is_entity_id(text) and "@" in text[1:]:
        return entity_instance_id(*parse_entity_id(text))  # for purge; the host says what cannot be done to one
    return check_instance_id(text)


def ids_on_stdin() -> Iterator[str]:
    """One id a line; empty lines are skipped."""
    for line in sys.stdin:
        if line.strip():
            yield line.strip("\r\n").strip()


def summary_of(control: Control, instance_id: str) -> InstanceSummary:
    """NotFound, with a hint, when there is no such instance."""
    try:
        return control.status(instance_id).summary
    except NotFound as missing:
        raise _nothing(instance_id, missing) from None


def narrowed(which: InstanceFilter, to: frozenset[str]) -> InstanceFilter:
    """The filter with only those statuses a verb can act on."""
    statuses = which.statuses & to if which.statuses else to
    if not statuses:
        raise InvalidArgument(
            "no instance with that status can be meant here", why=f"the command acts on {', '.join(sorted(to))}"
        )
    return msgspec.structs.replace(which, statuses=statuses)


def _newest(control: Control, text: str) -> str:
    statuses = frozenset({"Failed"}) if text == FAILED else frozenset[str]()
    found = control.query(InstanceFilter(statuses=statuses, newest_first=True), top=1).items
    if not found:
        what = "no instance has failed" if text == FAILED else "there are no instances yet"
        raise NotFound(f"{text}: {what}", hint="dfcli start FUNCTION")
    return found[0].instance_id


def _nothing(text: str, missing: NotFound) -> NotFound:
    return NotFound(
        f"there is no instance {text!r}", why=missing.why, hint=missing.hint or "`dfcli list` shows what there is"
    )
