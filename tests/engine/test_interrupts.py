"""KeyboardInterrupt out of user code: an exception like others where Ctrl-C has a handler of its own."""

from __future__ import annotations

from typing import Any

import pytest

from dfcli.authoring import interrupts
from tests.engine.driver import Driver


def at_once(context: Any) -> Any:
    raise KeyboardInterrupt("mine")


def after_a_step(context: Any) -> Any:
    yield context.call_activity("a")
    raise KeyboardInterrupt("mine")


@pytest.mark.parametrize("orchestrator", [at_once, after_a_step])
def test_it_fails_the_instance_where_ctrl_c_is_handled_elsewhere(
    orchestrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "_can_be_real", False)
    driver = Driver({"o": orchestrator}).start("o").run()
    assert (driver.status, driver.output) == ("Failed", "Orchestrator function 'o' failed: mine")
    driver.replayed()


@pytest.mark.parametrize("orchestrator", [at_once, after_a_step])
def test_it_is_passed_on_where_it_may_be_ctrl_c(orchestrator: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        Driver({"o": orchestrator}).start("o").run()
