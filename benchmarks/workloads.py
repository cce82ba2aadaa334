"""The workloads, by name: what each does, and how big it is."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Workload:
    """`size` is the number of instances, or of steps or activities where there is one instance."""

    name: str
    about: str
    size: int
    quick: int
    """The size with `--quick`."""
    over_http: bool = True
    by_default: bool = True

    def of_size(self, size: int) -> Workload:
        return replace(self, size=size, quick=size)


ALL = (
    Workload("sequence", "instances of 5 activities in a row, 100 in flight", 1_000, 200),
    Workload("fan-out", "one instance with so many activities at once", 1_000, 1_000),
    Workload("fan-out-large", "the same, larger", 10_000, 2_000),
    Workload("long", "one instance with so many activities in a row", 2_000, 2_000),
    Workload("long-large", "the same, longer: does the cost of a step grow?", 100_000, 6_000, over_http=False),
    Workload("events", "instances wait, then get an event each", 500, 200),
    Workload("timers", "instances sleep one second", 1_000, 200),
    Workload("timers-idle", "one timer of 50 ms at a time on an idle host: how late?", 200, 20, over_http=False),
    Workload("children", "one instance with so many sub-orchestrations at once", 1_000, 200, over_http=False),
    Workload("eternal", "so many generations of one instance: does one cost more?", 100_000, 3_000, over_http=False),
    Workload("latency", "one sequence at a time on an idle host", 200, 50),
    Workload("cold", "from nothing running to the first result", 1, 1),
    Workload("waiting", "instances wait, resident limit 1/100 of them; an event each", 100_000, 5_000, over_http=False),
    Workload("sustained", "like sequence, for long", 200_000, 2_000, over_http=False, by_default=False),
)

BY_NAME = {workload.name: workload for workload in ALL}
IN_FLIGHT = 100
