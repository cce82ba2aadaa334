"""`python -m tests.conformance` prints what the vendor's executor makes as JSON; `--write` renews the golden files.

In a process of its own: the SDK warns about much.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

from tests.conformance.programs import SCENARIOS, Activities, Scenario, entities, orchestrators, respond
from tests.conformance.vendor import HTTP_ACTIVITY, VendorHost, as_text

GOLDEN = Path(__file__).parent.parent / "golden" / "vendor"


def made(scenario: Scenario) -> str:
    """The scenario's golden file: a line on the SDK; then for each execution a line on it, and a line per event."""
    import azure.durable_functions as df

    functions = {name: df.Orchestrator.create(function) for name, function in orchestrators(df).items()}
    kept = {name: df.Entity.create(function) for name, function in entities().items()}
    activities = Activities().functions()
    activities[HTTP_ACTIVITY] = lambda request: respond(request["method"], request["uri"], request.get("content"))
    executions = VendorHost(functions, activities, kept).run(scenario)
    version = importlib.metadata.version("azure-functions-durable")
    lines: list[dict[str, Any]] = [{"Scenario": scenario.name, "MadeBy": f"azure-functions-durable {version}"}]
    for execution in executions:
        lines.append(
            {
                "InstanceId": execution.instance,
                "ExecutionId": execution.execution_id,
                "RuntimeStatus": execution.status,
                "CustomStatus": execution.custom_status,
            }
        )
        lines += execution.history
    return "".join(f"{as_text(line)}\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the golden files")
    is_write = parser.parse_args().write
    texts = {scenario.name: made(scenario) for scenario in SCENARIOS}
    if is_write:
        for name, text in texts.items():
            (GOLDEN / f"{name}.jsonl").write_text(text)
    else:
        json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main()
