"""A real host for the fuzzers: `python -m tests.http.fuzzing` runs all of schemathesis' phases against it.

Its orchestrators never fail by themselves, so that any 5xx is a fault of ours.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dfcli.authoring.app import DFApp
from dfcli.host.host import Host
from dfcli.http.remote_client import RemoteControl
from dfcli.model import payload
from dfcli.registry.registry import Registry
from tests.http.serving import Serving, serving

DOCUMENT = "/runtime/webhooks/durabletask/openapi.json"

app = DFApp()


@app.orchestration_trigger(context_name="context")
def echo(context: Any) -> Any:
    return context.get_input()
    yield


@app.orchestration_trigger(context_name="context")
def approval(context: Any) -> Any:
    return (yield context.wait_for_external_event("Approval"))


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    context.set_state(context.get_input())


@contextmanager
def fuzzed_host() -> Iterator[Serving]:
    """A host with an instance in each state that is easily had, and an entity."""
    registry = Registry.from_app(app)
    with serving(lambda: Host(registry, hub=":memory:")) as running:
        control = RemoteControl(running.url)
        control.start("echo", payload.encode({"n": 1}), instance_id="ended")
        control.wait("ended", 20)
        for instance_id in ("waiting", "suspended", "terminated"):
            control.start("approval", payload.NOTHING, instance_id=instance_id)
        control.suspend("suspended", "")
        control.terminate("terminated", "")
        control.signal_entity("counter", "c", "set", payload.encode(1))
        yield running


CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "410", "412"]

# No schema tells a continuation token, or the id of an instance, from other text; Durable Functions' word is 400.
[[operations]]
include-operation-id = ["list", "listEntities", "listEntitiesOfName", "findInstances", "restart", "runFunction"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404", "409", "410", "412"]

[[operations]]
include-path-regex = "^/(runtime|admin)/"
[operations.checks]
unsupported_method.enabled = false
negative_data_rejection.enabled = false
"""


def fuzz(examples: int, seed: int, *more: str) -> subprocess.CompletedProcess[str]:
    """One run of all phases with all checks; exit code 0 when there is nothing to say. The output names the seed."""
    with tempfile.TemporaryDirectory() as name, fuzzed_host() as running:
        configuration = Path(name) / "schemathesis.toml"
        configuration.write_text(CONFIGURATION)
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"]
        command += [running.url + DOCUMENT, "--seed", str(seed), "--max-examples", str(examples), "--no-color"]
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.http.fuzz_hooks",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return subprocess.run(
            [*command, *more], cwd=name, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked, more = parser.parse_known_args()
    ran = fuzz(asked.examples, asked.seed, *more)
    print(ran.stdout)
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
