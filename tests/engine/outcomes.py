"""Short ways to run an orchestrator and look at how it ended."""

from __future__ import annotations

from typing import Any

from tests.engine.driver import Driver


def started(function: Any, input: Any = None) -> Driver:
    driver = Driver({"o": function}).start("o", input)
    driver.episode()
    return driver


def output_of(function: Any, input: Any = None) -> Any:
    driver = started(function, input).run()
    assert driver.status == "Completed", driver.output
    driver.replayed()
    return driver.output


def failure_of(function: Any, input: Any = None) -> str:
    driver = started(function, input).run()
    assert driver.status == "Failed"
    driver.replayed()
    text = driver.output
    assert isinstance(text, str)
    return text
