"""`python -m tests.simulation.host --seed N [--cycles M] [--lives L] [--seconds S]`: lives of a host."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from time import perf_counter


def main() -> None:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets would differ from run to run
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation.host", *sys.argv[1:]])
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.host", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first life")
    parser.add_argument("--cycles", type=int, default=20, help="crashes in each life")
    parser.add_argument("--lives", type=int, default=1, help="how many seeds from the first on")
    parser.add_argument("--seconds", type=float, help="go on with the next seeds for so long")
    parser.add_argument("--mutant", help="leave out this rule of tests/simulation/host/mutants.py, and hunt for it")
    parser.add_argument("--crashes-max", type=int, default=2_000, help="where the hunt for a mutant gives up")
    parser.add_argument("--log", action="store_true", help="show the host's log")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO if arguments.log else logging.CRITICAL + 1)

    if arguments.mutant:
        hunt_mutant(arguments.mutant, arguments.seed, arguments.crashes_max)
        return

    from tests.simulation.host.campaign import run_life
    from tests.simulation.host.checks import Figures

    figures = Figures()
    started = perf_counter()
    seed = arguments.seed
    while True:
        run_life(seed, arguments.cycles, figures)
        seed += 1
        if arguments.seconds is None:
            if seed >= arguments.seed + arguments.lives:
                break
        elif perf_counter() - started >= arguments.seconds:
            break
    print(f"seeds {arguments.seed} to {seed - 1}: {figures}")


def hunt_mutant(name: str, seed: int, crashes_max: int) -> None:
    from tests.simulation.host.mutants import MUTANTS, hunt

    mutant = next(mutant for mutant in MUTANTS if mutant.__name__ == name)
    noticed = hunt(mutant, first_seed=seed, crashes_max=crashes_max)
    if not noticed:
        sys.exit(f"{name} lived through {crashes_max} crashes from seed {seed} on")
    print(f"{name}: {noticed}")


main()
