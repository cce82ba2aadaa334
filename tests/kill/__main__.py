"""`python -m tests.kill`: kill the host K times under load and say what was lost.

--mutant NAME breaks the host first; the campaign must then find a fault, and exits with 0 when it does.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from random import SystemRandom

from tests.kill.campaign import ENDS, Campaign
from tests.kill.mutants import MUTANTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="")
    parser.add_argument("--ends", nargs="+", choices=sorted(ENDS), default=["kill"], help="how the host ends")
    parser.add_argument("--keep", action="store_true", help="keep log, effects and hub")
    given = parser.parse_args()
    mutant = f" --mutant {given.mutant}" if given.mutant else ""
    print(f"repeat: python -m tests.kill --seed {given.seed} --kills {given.kills}{mutant}", flush=True)
    folder = tempfile.mkdtemp(prefix="dfcli-kill-")
    campaign = Campaign(
        folder, given.seed, mutant=given.mutant, ends=given.ends, say=lambda line: print(line, flush=True)
    )
    report = campaign.run(given.kills)
    print("\n".join(report.lines()))
    if given.keep or (not report.is_good and not given.mutant):
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    if given.mutant:
        found = bool(report.judged and report.kills)  # a host that cannot even start proves nothing
        print("the mutant was found" if found else "THE MUTANT WAS NOT FOUND")
        return int(not found)
    return int(not report.is_good or (given.ends == ["kill"] and report.share_in_flight < 0.8))


if __name__ == "__main__":
    sys.exit(main())
