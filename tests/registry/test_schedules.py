"""When a schedule comes next: NCRONTAB, intervals, time zones with their clock changes, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dfcli as df
from dfcli.errors import AppLoadError
from dfcli.registry.registry import Registry
from dfcli.registry.schedules import parse_schedule, schedule_of

NEW_YORK = ZoneInfo("America/New_York")
"""Clocks go from 02:00 to 03:00 on 8 March 2026 and from 02:00 to 01:00 on 1 November 2026."""
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
"""Its clocks change by half an hour only."""


def times(text: str, start: str, count: int, zone: tzinfo = UTC) -> list[str]:
    """The next times after `start`, a local time of the zone, with month, day and offset."""
    schedule = parse_schedule(text, zone)
    moment = datetime.fromisoformat(start).replace(tzinfo=zone).timestamp()
    found = []
    for _ in range(count):
        moment = schedule.next_after(moment)
        found.append(datetime.fromtimestamp(moment, zone).strftime("%m-%d %H:%M:%S %z"))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */5 * * * *", ["01-01 00:05:00 +0000", "01-01 00:10:00 +0000"]),
        ("*/5 * * * *", ["01-01 00:05:00 +0000", "01-01 00:10:00 +0000"]),
        ("15,45 * * * * *", ["01-01 00:00:15 +0000", "01-01 00:00:45 +0000"]),
        ("0 30 9 * Jan mon-fri", ["01-01 09:30:00 +0000", "01-02 09:30:00 +0000"]),
        ("0 0 0 * * 0", ["01-04 00:00:00 +0000", "01-11 00:00:00 +0000"]),
        ("00:00:30", ["01-01 00:00:30 +0000", "01-01 00:01:00 +0000"]),
        ("24:00:00", ["01-25 00:00:00 +0000", "02-18 00:00:00 +0000"]),
        ("1.12:00:00", ["01-02 12:00:00 +0000", "01-04 00:00:00 +0000"]),
    ],
)
def test_schedules_mean_what_azure_functions_says(text: str, expected: list[str]) -> None:
    assert times(text, "2026-01-01T00:00:00", 2) == expected


def test_day_and_weekday_must_both_match() -> None:
    assert times("0 0 0 13 * FRI", "2026-01-01", 3) == [
        "02-13 00:00:00 +0000",
        "03-13 00:00:00 +0000",
        "11-13 00:00:00 +0000",
    ]


def test_a_time_that_spring_leaves_out_comes_as_much_later() -> None:
    assert times("0 30 2 * * *", "2026-03-07T12:00:00", 2, NEW_YORK) == ["03-08 03:30:00 -0400", "03-09 02:30:00 -0400"]
    assert times("0 10 2 * * *", "2026-10-03T12:00:00", 2, LORD_HOWE) == [
        "10-04 02:40:00 +1100",
        "10-05 02:10:00 +1100",
    ]


def test_schedules_for_every_hour_pass_over_the_hour_that_spring_leaves_out() -> None:
    assert times("0 30 * * * *", "2026-03-08T00:45:00", 3, NEW_YORK) == [
        "03-08 01:30:00 -0500",
        "03-08 03:30:00 -0400",
        "03-08 04:30:00 -0400",
    ]
    assert times("0 */20 * * * *", "2026-03-08T01:30:00", 3, NEW_YORK)[:2] == [
        "03-08 01:40:00 -0500",
        "03-08 03:00:00 -0400",
    ]


def test_a_time_that_autumn_brings_twice_counts_once() -> None:
    assert times("0 30 1 * * *", "2026-10-31T12:00:00", 2, NEW_YORK) == ["11-01 01:30:00 -0400", "11-02 01:30:00 -0500"]


def test_schedules_for_every_hour_run_in_both_of_the_hours_that_autumn_brings_twice() -> None:
    assert times("0 */30 * * * *", "2026-11-01T00:45:00", 6, NEW_YORK) == [
        "11-01 01:00:00 -0400",
        "11-01 01:30:00 -0400",
        "11-01 01:00:00 -0500",
        "11-01 01:30:00 -0500",
        "11-01 02:00:00 -0500",
        "11-01 02:30:00 -0500",
    ]


def test_intervals_take_no_notice_of_clock_changes() -> None:
    schedule = parse_schedule("01:00:00", NEW_YORK)
    assert schedule.next_after(1_000_000.0) == 1_003_600.0


EXPRESSIONS = st.sampled_from(["0 */20 * * * *", "0 30 2 * * *", "0 0 * * * *", "30 10 1,2,3 * * *", "0 0 0 * * MON"])
ZONES = st.sampled_from([UTC, NEW_YORK, LORD_HOWE, ZoneInfo("Europe/Rome")])


@given(EXPRESSIONS, ZONES, st.integers(1_767_225_600, 1_800_000_000), st.integers(0, 86_400))
def test_the_next_time_is_later_and_the_same_however_early_one_asks(
    text: str, zone: tzinfo, start: int, wait: int
) -> None:
    schedule = parse_schedule(text, zone)
    following = schedule.next_after(start)
    assert following > start
    if start + wait < following and "* * * *" in text[4:]:
        assert schedule.next_after(start + wait) == following


@pytest.mark.parametrize(
    ("text", "often"),
    [
        ("*/30 * * * * *", True),
        ("0 * * * * *", False),
        ("0,5 0 9 * * *", True),
        ("00:00:59", True),
        ("00:01:00", False),
    ],
)
def test_schedules_that_come_within_a_minute_are_known(text: str, often: bool) -> None:
    assert parse_schedule(text, UTC).comes_often is often


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has 0 fields"),
        ("0 0 0 1 1 * 2030", "it has 7 fields"),
        ("@daily", "it has 1 fields"),
        ("0 0 0 30 2 *", "no day is ever meant by it"),
        ("60 * * * * *", "out of range"),
        ("0 0 25 * * *", "out of range"),
        ("*/0 * * * * *", "cannot be read"),
        ("0 0 0 L * *", "its day is 'L'"),
        ("0 0 0 * * 5#2", "its weekday is '5#2'"),
        ("0 0 0 * * FOO", "weekdays SUN to SAT"),
        ("R * * * * *", "its second is 'R'"),
        ("00:00:00", "an interval of nothing"),
        ("00:61:00", "60 minutes"),
    ],
)
def test_a_schedule_that_means_nothing_is_refused_with_its_place(text: str, why: str) -> None:
    app = df.DFApp()

    @app.timer_trigger(schedule=text, arg_name="timer")
    def tick(timer: df.TimerRequest) -> None: ...

    with pytest.raises(AppLoadError, match="of function 'tick' cannot be used") as caught:
        Registry.from_app(app)
    assert why in caught.value.why
    assert f"test_schedules.py:{tick.__code__.co_firstlineno}" in caught.value.why
    assert caught.value.hint


def test_settings_are_filled_in() -> None:
    app = df.DFApp()

    @app.schedule(schedule="%EVERY%", arg_name="timer")
    def tick(timer: df.TimerRequest) -> None: ...

    (function,) = Registry.from_app(app).timers
    assert schedule_of(function, UTC, {"EVERY": "00:05:00"}).text == "00:05:00"
    with pytest.raises(AppLoadError, match="names a setting that does not exist") as caught:
        schedule_of(function, UTC, {})
    assert "set the variable EVERY" in caught.value.hint
    with pytest.raises(AppLoadError, match="the schedule 'often' of function"):
        schedule_of(function, UTC, {"EVERY": "often"})
