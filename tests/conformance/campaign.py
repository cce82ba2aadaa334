"""`python -m tests.conformance.campaign --examples 2000`: more random orchestrators against the vendor's executor."""

from __future__ import annotations

import argparse
import warnings
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from tests.conformance.random_programs import programs, run, scripts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    told = {"programs": 0, "episodes": 0}

    @seed(arguments.seed)
    @settings(max_examples=arguments.examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(program=programs, script=scripts)
    def check(program: Any, script: Any) -> None:
        told["episodes"] += run(program, script)
        told["programs"] += 1

    check()
    print(f"seed {arguments.seed}: {told['programs']} programs, {told['episodes']} episodes, no difference")


if __name__ == "__main__":
    main()
