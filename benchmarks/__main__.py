"""`python -m benchmarks [workload…] [--runs N] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile

from benchmarks import report
from benchmarks.machine import facts
from benchmarks.measurement import IN_PROCESS, OVER_HTTP
from benchmarks.runner import run_all
from benchmarks.workloads import ALL, BY_NAME


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure dfcli through its public API, in process and over HTTP.",
        epilog="\n".join(f"  {w.name:14} {w.size:>9,}  {w.about}" for w in ALL),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "workloads", nargs="*", metavar="workload", help="which; all but `sustained` when none is named"
    )
    parser.add_argument("--runs", type=int, metavar="N", help="how often each is run (3; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run")
    parser.add_argument("--size", type=int, metavar="N", help="another size for the workloads that are named")
    parser.add_argument("--only", choices=("in-process", "http"), help="one way of the two")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where hubs are put: the disk to measure")
    parser.add_argument("--json", metavar="FILE", help="also write medians, ranges and every run")
    options = parser.parse_args()
    unknown = [name for name in options.workloads if name not in BY_NAME]
    if unknown:
        parser.error(f"there is no workload {unknown[0]!r}; there are {', '.join(BY_NAME)}")
    chosen = [BY_NAME[name] for name in options.workloads] or [w for w in ALL if w.by_default]
    if options.size:
        if not options.workloads:
            parser.error("--size needs the workload it is for")
        chosen = [w.of_size(options.size) for w in chosen]
    ways = {"in-process": (IN_PROCESS,), "http": (OVER_HTTP,), None: (IN_PROCESS, OVER_HTTP)}[options.only]
    machine = facts(options.folder)
    print("\n".join(report.machine_lines(machine)), flush=True)
    runs = options.runs or (1 if options.quick else 3)
    found = run_all(chosen, ways, runs, options.folder, options.quick, lambda text: print(text, file=sys.stderr))
    print("\n" + "\n".join(report.table(found)))
    print("\n" + "\n".join(report.remarks(found)))
    print("\n" + "\n".join(report.about(found)))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(report.as_json(machine, found), file, indent=1)


if __name__ == "__main__":
    main()
