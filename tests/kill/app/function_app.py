"""The app under load. Every activity tells a file of effects when it begins and ends: one line per write, appended."""

import asyncio
import json
import os
import time
from datetime import timedelta

import dfcli as df

app = df.DFApp()

_effects = os.open(os.environ["KILL_EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def tell(phase, call):
    info = df.activity_info()
    line = {
        "phase": phase,
        "instance": info.instance_id,
        "activity": info.name,
        "step": call["step"],
        "key": info.idempotency_key,
        "attempt": info.attempt,
        "pid": os.getpid(),
        "at": time.monotonic_ns(),
    }
    os.write(_effects, json.dumps(line).encode() + b"\n")
    return info


@app.activity_trigger(input_name="call")
def work(call):
    """Doubles a number after a while. Its result names the call, so that a reader of a history knows which was done."""
    info = tell("begin", call)
    if call["milliseconds"]:
        time.sleep(call["milliseconds"] / 1000)
    tell("end", call)
    return {"key": info.idempotency_key, "value": 2 * call["value"]}


@app.activity_trigger(input_name="call")
async def work_async(call):
    info = tell("begin", call)
    await asyncio.sleep(call["milliseconds"] / 1000)
    tell("end", call)
    return {"key": info.idempotency_key, "value": 2 * call["value"]}


@app.activity_trigger(input_name="call")
def unsteady(call):
    """Fails its first attempts."""
    info = tell("begin", call)
    tell("end", call)
    if info.attempt <= call["failures"]:
        raise ConnectionError(f"attempt {info.attempt} of step {call['step']}")
    return {"key": info.idempotency_key, "value": info.attempt}


def call_of(step, value, milliseconds=0, **more):
    return {"step": str(step), "value": value, "milliseconds": milliseconds, **more}


@app.orchestration_trigger(context_name="context")
def sequence(context):
    value = context.get_input()["value"]
    values = []
    for step, milliseconds in enumerate(context.get_input()["milliseconds"]):
        done = yield context.call_activity(work, call_of(step, value, milliseconds))
        value = done["value"] + 1
        values.append(value)
    return values


@app.orchestration_trigger(context_name="context")
async def fan_out(context):
    wide = context.get_input()["milliseconds"]
    name = "work_async" if context.get_input()["is_async"] else "work"
    tasks = [context.call_activity(name, call_of(step, step, wait)) for step, wait in enumerate(wide)]
    return sum(done["value"] for done in await context.task_all(tasks))


@app.orchestration_trigger(context_name="context")
def timers(context):
    fired = 0
    for step, milliseconds in enumerate(context.get_input()["milliseconds"]):
        due = context.current_utc_datetime + timedelta(milliseconds=milliseconds)
        yield context.create_timer(due)
        assert context.current_utc_datetime >= due
        done = yield context.call_activity(work, call_of(step, milliseconds))
        fired += done["value"]
    return fired


@app.orchestration_trigger(context_name="context")
def events(context):
    """Collects events of several senders as they come."""
    seen = []
    for step in range(context.get_input()["count"]):
        event = yield context.wait_for_external_event("note")
        seen.append(event)
        if step % 4 == 3:
            yield context.call_activity(work, call_of(step, step, 1))
    return seen


@app.orchestration_trigger(context_name="context")
def race(context):
    """An event against a deadline. Either may win, and whatever did stays the winner."""
    timer = context.create_timer(timedelta(milliseconds=context.get_input()["milliseconds"]))
    event = context.wait_for_external_event("hurry")
    winner = yield context.task_any([timer, event])
    if winner is event:
        timer.cancel()
    done = yield context.call_activity(work, call_of(0, 21))
    return [event.result["number"] if winner is event else "late", done["value"]]


@app.orchestration_trigger(context_name="context")
def family(context):
    """Children of its own choosing and children with given ids, at once."""
    tasks = []
    for number, given in enumerate(context.get_input()["children"]):
        child_id = f"{context.instance_id}-child-{number}" if given["named"] else None
        name = "timers" if number % 3 == 2 else "sequence"
        child = {"value": number, "milliseconds": given["milliseconds"]}
        tasks.append(context.call_sub_orchestrator(name, child, child_id))
    return (yield context.task_all(tasks))


@app.orchestration_trigger(context_name="context")
def retries(context):
    policy = df.RetryOptions(context.get_input()["interval"], context.get_input()["attempts"])
    call = call_of(0, 0, failures=context.get_input()["failures"])
    done = yield context.call_activity_with_retry(unsteady, policy, call)
    return done["value"]


@app.orchestration_trigger(context_name="context")
def saga(context):
    """Takes back what it did when the last step fails for good."""
    done = []
    try:
        for step in range(context.get_input()["steps"]):
            yield context.call_activity(work, call_of(step, step, 2))
            done.append(step)
        yield context.call_activity(unsteady, call_of("last", 0, failures=99))
    except df.TaskFailedError as error:
        for step in reversed(done):
            yield context.call_activity(work, call_of(f"undo {step}", step, 2))
        return {"undone": done[::-1], "why": str(error).rpartition(": ")[2]}


@app.orchestration_trigger(context_name="context")
def generations(context):
    """Continues as new after every few events; those that came meanwhile are carried over."""
    state = context.get_input()
    seen = state["seen"]
    for _ in range(min(state["per_generation"], state["count"] - len(seen))):
        event = yield context.wait_for_external_event("note")
        seen.append(event)
    yield context.call_activity(work, call_of(len(seen), len(seen), 2))
    if len(seen) < state["count"]:
        context.continue_as_new({**state, "seen": seen})
        return None
    return seen


@app.orchestration_trigger(context_name="context")
def endless(context):
    """Ends only when it is terminated."""
    step = 0
    while True:
        event = yield context.wait_for_external_event("note")
        context.set_custom_status(event["number"])
        yield context.call_activity(work, call_of(step, step, 3))
        step += 1
