"""When a timer function runs: NCRONTAB expressions and intervals, in a time zone. It computes and knows no clock.

Moments are seconds since 1970. In the zone's daylight-saving changes these rules hold:
- a time of day that is left out in spring comes as much later as the gap is wide;
- a time of day that comes twice in autumn counts once, the first time;
- except that a schedule for every hour follows the time that really passes: it runs in both, and is not moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import AppLoadError, NotFound

if TYPE_CHECKING:
    from croniter import croniter

OFTEN_SECONDS = 60.0
"""Runs that follow each other faster are recorded only when the function says so."""
_LOOKS = 6
_FIELDS = ("second", "minute", "hour", "day", "month", "weekday")
_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAMES = frozenset([*_MONTHS, "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_INTERVAL = re.compile(
    r"(?:(?P<days>[0-9]{1,8})\.)?(?P<hours>[0-9]{1,8}):(?P<minutes>[0-9]{1,2}):(?P<seconds>[0-9]{1,2})"
)
_SETTING = re.compile(r"%([^%]+)%")
_HINT = 'six fields, "second minute hour day month weekday", such as "0 30 9 * * MON-FRI"; or an interval "00:05:00"'


class Schedule(Protocol):
    """When to run next."""

    text: str
    """As it was written, settings filled in."""

    def next_after(self, moment: float) -> float: ...

    @property
    def is_interval(self) -> bool: ...

    @property
    def comes_often(self) -> bool:
        """Whether runs may be less than a minute apart."""
        ...


class Interval:
    """Every so many seconds."""

    is_interval = True

    def __init__(self, text: str, seconds: float) -> None:
        self.text = text
        self.seconds = seconds

    def next_after(self, moment: float) -> float:
        return moment + self.seconds

    @property
    def comes_often(self) -> bool:
        return self.seconds < OFTEN_SECONDS


class Cron:
    """At certain times of certain days, by the clocks of a zone."""

    is_interval = False

    def __init__(self, text: str, zone: tzinfo) -> None:
        """Raises ValueError saying what is wrong with the text."""
        fields = text.split()
        if len(fields) == len(_FIELDS) - 1:
            fields = ["0", *fields]
        _check_fields(fields)
        self.text = text
        self._zone = zone
        self._expression = " ".join(fields)
        self._is_each_hour = fields[2] == "*"
        try:
            _next(self._following(_ANY_DAY))
        except ValueError as error:
            raise ValueError(_reason(str(error))) from None

    def next_after(self, moment: float) -> float:
        local = datetime.fromtimestamp(moment, self._zone)
        now = local.replace(tzinfo=None, fold=0)
        times = self._following(now)
        following = _next(times)
        if self._is_each_hour:
            return self._by_elapsed_time(moment, now, following, times)
        while (found := self._moment(following)) <= moment:
            following = _next(times)  # the second of two times that read the same
        return found

    @property
    def comes_often(self) -> bool:
        times = self._following(_ANY_DAY)
        moments = [_next(times) for _ in range(_LOOKS)]
        return any(b - a < timedelta(seconds=OFTEN_SECONDS) for a, b in pairwise(moments))

    def _by_elapsed_time(self, moment: float, now: datetime, following: datetime, times: croniter) -> float:
        change = self._moment(now, fold=1) - self._moment(now)
        if change > 0 and self._moment(now) <= moment < self._moment(now, fold=1) and not self._is_twice(following):
            # The last one before clocks go back: the first of the hour that comes again is next.
            again = self._following(now - timedelta(seconds=change))
            while (second := _next(again)) <= now:
                if self._is_twice(second):
                    return self._moment(second, fold=1)
        while self._is_left_out(following):
            following = _next(times)
        found = self._moment(following)
        return found if found > moment else self._moment(following, fold=1)

    def _following(self, local: datetime) -> croniter:
        from croniter import croniter  # only apps with a schedule pay for its import

        return croniter(self._expression, local, second_at_beginning=True, day_or=False)

    def _moment(self, local: datetime, fold: int = 0) -> float:
        return local.replace(tzinfo=self._zone, fold=fold).timestamp()

    def _is_twice(self, local: datetime) -> bool:
        return self._moment(local, fold=1) > self._moment(local)

    def _is_left_out(self, local: datetime) -> bool:
        return self._moment(local, fold=1) < self._moment(local)


def parse_schedule(text: str, zone: tzinfo) -> Schedule:
    """Raises ValueError saying what is wrong with the text."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        return Cron(text, zone)
    days, hours, minutes, seconds = (int(match[name] or 0) for name in ("days", "hours", "minutes", "seconds"))
    if minutes > 59 or seconds > 59:
        raise ValueError("an hour has 60 minutes and a minute 60 seconds")
    if hours > 23:
        days, hours = (days + hours, 0) if match["days"] is None else (days, hours)  # .NET reads 24:00:00 as 24 days
    length = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not length:
        raise ValueError("an interval of nothing never ends")
    return Interval(text, float(length))


def check_schedule(function: FunctionDefinition) -> None:
    """Raises AppLoadError for a schedule that cannot be read. One with a setting in it is judged by the host."""
    if function.timer is not None and not _SETTING.search(function.timer.schedule):
        schedule_of(function, UTC, {})


def schedule_of(function: FunctionDefinition, zone: tzinfo, settings: Mapping[str, str]) -> Schedule:
    """The schedule of a timer function, `%NAME%` replaced from the settings. Raises AppLoadError."""
    assert function.timer is not None
    text = written = function.timer.schedule
    try:
        text = filled_in(text, settings)
    except NotFound as error:
        raise AppLoadError(
            f"the schedule {written!r} of function {function.name!r} names a setting that does not exist",
            why=f"{error.what}; the schedule stands at {function.where}",
            hint=error.hint,
        ) from None
    try:
        return parse_schedule(text.strip(), zone)
    except (ValueError, OverflowError) as error:
        raise AppLoadError(
            f"the schedule {text!r} of function {function.name!r} cannot be used",
            why=f"{error}; it stands at {function.where}",
            hint=_HINT,
        ) from None


def filled_in(text: str, settings: Mapping[str, str]) -> str:
    """`%NAME%` replaced by the setting. Raises NotFound for one that is not there."""
    for name in _SETTING.findall(text):
        if name not in settings:
            raise NotFound(
                f"there is no setting {name!r}",
                hint=f"set the variable {name}, or write it under [app] of dfcli.toml or Values of local.settings.json",
            )
        text = text.replace(f"%{name}%", settings[name])
    return text


def _check_fields(fields: list[str]) -> None:
    if len(fields) != len(_FIELDS):
        raise ValueError(f"it has {len(fields)} fields")
    for name, text in zip(_FIELDS, fields, strict=True):
        words = re.findall("[A-Za-z]+", text)
        if not _FIELD.fullmatch(text) or (name not in ("month", "weekday") and words):
            raise ValueError(f"its {name} is {text!r}")
        if any(word.upper() not in _NAMES for word in words):
            raise ValueError(f"its {name} is {text!r}; months are JAN to DEC, weekdays SUN to SAT")


def _next(times: croniter) -> datetime:
    found: datetime = times.get_next(datetime)
    return found


def _reason(text: str) -> str:
    """What croniter found, in our words."""
    if "next date" in text:
        return "no day is ever meant by it"
    return "one of its fields is out of range" if "range" in text else "one of its fields cannot be read"
