"""`python -m tests.simulation --seed N [--cycles M] [--seconds S]`: one life, or lives until the time is up."""

from __future__ import annotations

import argparse
import os
import sys
from time import perf_counter


def main() -> None:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets would differ from run to run
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first life")
    parser.add_argument("--cycles", type=int, default=30, help="crashes in each life")
    parser.add_argument("--lives", type=int, default=1, help="how many seeds from the first on")
    parser.add_argument("--seconds", type=float, help="go on with the next seeds for so long")
    arguments = parser.parse_args()

    from tests.simulation.campaign import Figures, run_life

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


main()
