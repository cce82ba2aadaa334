"""The verdict: the clients' log against the effects, line by line, and both against what must come of each input.

Nothing here asks the hub. What the hub said is in the log, as an answer that a client was given at a time.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from tests.kill.scenarios import SCENARIOS, Case

NEED_THEIR_CLIENT = ("events", "held", "generations", "endless")
"""These go on only when their client does; one whose client gave up waits for ever."""


class Effect(NamedTuple):
    phase: str
    instance: str
    activity: str
    step: str
    key: str
    attempt: int
    pid: int
    at: int


class Verdict(NamedTuple):
    faults: list[str]
    counts: dict[str, int]


def read_lines(path: str) -> list[dict[str, Any]]:
    """Whole lines; activities write each with one call, so only the very last can be cut by a kill."""
    with open(path, "rb") as file:
        return [json.loads(line) for line in file if line.endswith(b"\n")]


def read_effects(path: str) -> list[Effect]:
    return [Effect(**line) for line in read_lines(path)]


def judge(log: list[dict[str, Any]], effects: list[Effect]) -> Verdict:
    """Every fault found. Empty: nothing acknowledged was lost, nothing was done twice, every result is right."""
    ledger = Ledger(log)
    done = Work(effects)
    faults = [*ledger.faults()]
    for instance, case in ledger.cases.items():
        faults += ledger.result_faults(case)
        if ledger.ended.get(instance):
            faults += done.step_faults(case, ledger.ended[instance][0]["status"])
    faults += done.doubles()
    faults += done.after_observed(ledger.observed)
    faults += done.after_the_end(ledger)
    return Verdict(faults, {**ledger.counts(), "activities begun": len(done.begun), "activity calls": len(done.by_key)})


def repeated_after_orderly_end(effects: list[Effect], orderly: set[int]) -> list[str]:
    """An orderly stop waits for its activities and records them: none of them runs again."""
    begun = [effect for effect in effects if effect.phase == "begin"]
    before = {effect.key: effect for effect in begun if effect.pid in orderly}
    return [
        f"{effect} ran again though process {before[effect.key].pid} had stopped in order"
        for effect in begun
        if effect.key in before and effect.at > before[effect.key].at and effect.pid != before[effect.key].pid
    ]


class Ledger:
    """What clients were promised and told."""

    def __init__(self, log: list[dict[str, Any]]) -> None:
        self.cases: dict[str, Case] = {}
        self.started: set[str] = set()
        self.raised: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
        self.acknowledged: Counter[str] = Counter()
        self.unknown = 0
        self.ended: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.missing: dict[str, int] = {}
        self.purged_at: dict[str, int] = {}
        self.alive: dict[str, str] = {}
        self.observed: dict[str, int] = {}
        self.received: dict[str, Counter[tuple[str, int]]] = {}
        self._late: list[str] = []
        for line in log:
            self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        instance = line["instance"]
        match line["phase"], line.get("verb"):
            case "intent", "start":
                scenario = line["scenario"]
                self.cases[instance] = Case(scenario, "", instance, line["input"], line["plan"])
            case "intent", "purge":
                self.purged_at[instance] = line["at"]
            case "acknowledged", verb:
                self.acknowledged[str(verb)] += 1
                if verb in ("start", "start again"):
                    self.started.add(instance)
                elif verb == "raise":
                    self.raised[instance][line["sender"], line["number"]] += 1
            case "unknown", _:
                self.unknown += 1
            case "ended", _:
                self.ended[instance].append(line)
                if instance in self.purged_at:
                    self._late.append(f"{instance} was purged and is there again")
            case "missing", _:
                self.missing[instance] = line["at"]
            case "alive", _:
                self.alive[instance] = line["status"]
                if self.ended.get(instance):
                    self._late.append(f"{instance} had ended and is {line['status']}")
            case "observed", _:
                for key in line["keys"]:
                    self.observed.setdefault(key, line["at"])
            case "received", _:
                self.received[instance] = Counter((sender, number) for sender, number in line["events"])

    def counts(self) -> dict[str, int]:
        return {**{f"acknowledged {verb}": n for verb, n in sorted(self.acknowledged.items())}, "unknown": self.unknown}

    def faults(self) -> list[str]:
        """What contradicts itself, or an acknowledgement, whatever the input."""
        faults = list(self._late)
        for instance in self.missing:
            if instance in self.started and instance not in self.purged_at:
                faults.append(f"{instance} was acknowledged and is lost")
        for instance, seen in self.ended.items():
            if len({json.dumps([line["status"], line["output"]]) for line in seen}) > 1:
                faults.append(f"the result of {instance} changed: {[line['output'] for line in seen]}")
        for instance, received in self.received.items():
            for event in self.raised[instance]:
                if not received[event]:
                    faults.append(f"event {event} for {instance} was acknowledged and is lost")
            faults += [f"event {event} for {instance} counts {n} times" for event, n in received.items() if n > 1]
        return faults

    def result_faults(self, case: Case) -> list[str]:
        """An acknowledged start ends, and rightly; an abandoned one ends rightly or never was."""
        instance = case.instance
        if not self.ended.get(instance):
            if instance in self.started and instance not in self.purged_at and instance not in self.missing:
                return [f"{instance} was acknowledged and has not ended: it is {self.alive.get(instance, 'unknown')}"]
            if instance in self.alive and case.scenario not in NEED_THEIR_CLIENT:
                return [f"{instance} is there, and has not ended: it is {self.alive[instance]}"]
            return []
        seen = self.ended[instance][0]
        if SCENARIOS[case.scenario].is_right(case, seen["status"], seen["output"]):
            return []
        return [f"{instance} ended wrongly: {seen['status']} {seen['output']!r} of {case.input} {case.plan}"]


class Work:
    """What activities did."""

    def __init__(self, effects: list[Effect]) -> None:
        self.begun = [effect for effect in effects if effect.phase == "begin"]
        self.by_key: dict[str, list[Effect]] = defaultdict(list)
        self.calls: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.finished: set[str] = set()
        for effect in effects:
            if effect.phase == "begin":
                self.by_key[effect.key].append(effect)
                self.calls[effect.instance, effect.step].add(effect.key)
            else:
                self.finished.add(effect.key)

    def step_faults(self, case: Case, status: str) -> list[str]:
        """Each step of an ended instance was done, by as many calls as its code makes."""
        faults = []
        for step, expected in SCENARIOS[case.scenario].steps(case).items():
            keys = self.calls.get((case.instance, step), set())
            if len(keys) != expected:
                faults.append(f"step {step} of {case.instance} was called {len(keys)} times, not {expected}")
            elif not keys <= self.finished:
                faults.append(f"step {step} of {case.instance} has a result and never ended")
        return faults

    def doubles(self) -> list[str]:
        """A call is repeated only because the process that ran it died. Children are judged here: a step of theirs
        that was done by two calls belongs to two runs of one child."""
        faults = []
        for key, effects in self.by_key.items():
            processes = Counter(effect.pid for effect in effects)
            faults += [f"{key} {effects[0]} ran {n} times in process {pid}" for pid, n in processes.items() if n > 1]
        for (instance, step), keys in self.calls.items():
            if len(keys) > 1 and not instance.startswith(("retries-", "saga-")):
                faults.append(f"step {step} of {instance} was called by {len(keys)} different calls")
        return faults

    def after_observed(self, observed: dict[str, int]) -> list[str]:
        """A result that somebody has read in a history stands: its activity never runs again."""
        return [
            f"{effect} ran again {(effect.at - observed[key]) / 1e6:.1f} ms after its result had been read"
            for key, effects in self.by_key.items()
            if key in observed
            for effect in effects
            if effect.at > observed[key]
        ]

    def after_the_end(self, ledger: Ledger) -> list[str]:
        """Nothing begins for an instance that somebody has seen ended. A terminated one leaves alone what was
        dispatched before; the next process must not take it up."""
        faults = []
        for effect in self.begun:
            seen = ledger.ended.get(effect.instance)
            if not seen or effect.at <= seen[0]["at"]:
                continue
            if seen[0]["status"] != "Terminated" or not self._knew(effect.pid, seen[0]["at"]):
                faults.append(f"{effect} began after its instance had been seen {seen[0]['status']}")
        return faults

    def _knew(self, pid: int, at: int) -> bool:
        """Whether that process was at work before."""
        return any(effect.pid == pid and effect.at < at for effect in self.begun)
