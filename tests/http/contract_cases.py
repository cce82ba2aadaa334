"""One request for each route and each code of its own: what stands in braces is made by `contract_world`."""

from __future__ import annotations

from typing import NamedTuple

D = "/runtime/webhooks/durabletask"
V = "/dfcli/v1"


class Case(NamedTuple):
    operation: str
    code: int
    method: str
    target: str
    body: str = ""
    media_type: str = "application/json"
    disk_is_full: bool = False
    is_too_large: bool = False


def full(operation: str, method: str, target: str) -> Case:
    return Case(operation, 507, method, target, disk_is_full=True)


def large(operation: str, method: str, target: str) -> Case:
    return Case(operation, 413, method, target, is_too_large=True)


DURABLE = [
    Case("start", 200, "POST", f"{D}/orchestrators/echo?timeout=20", '{"a":1}'),
    Case("start", 202, "POST", f"{D}/orchestrators/echo", '{"a":1}'),
    Case("start", 400, "POST", f"{D}/orchestrators/nothing"),
    Case("start", 400, "POST", f"{D}/orchestrators/echo", "no json"),
    Case("start", 400, "POST", f"{D}/orchestrators/echo?timeout=1&pollingInterval=2"),
    Case("start", 404, "POST", f"{D}/orchestrators/echo?taskHub=nowhere"),
    large("start", "POST", f"{D}/orchestrators/echo"),
    Case("start", 500, "POST", f"{D}/orchestrators/failing?timeout=20&returnInternalServerErrorOnFailure=true"),
    full("start", "POST", f"{D}/orchestrators/echo"),
    Case("startWithId", 200, "POST", f"{D}/orchestrators/echo/{{ended}}?timeout=20"),
    Case("startWithId", 202, "POST", f"{D}/orchestrators/echo/{{ended}}"),
    Case("startWithId", 400, "POST", f"{D}/orchestrators/echo/@x"),
    Case("startWithId", 400, "POST", f"{D}/orchestrators/echo/a%2Fb"),
    Case("startWithId", 404, "POST", f"{D}/orchestrators/echo/a?taskHub=nowhere"),
    Case("startWithId", 409, "POST", f"{D}/orchestrators/echo/{{live}}"),
    Case("startWithId", 409, "POST", f"{D}/orchestrators/echo/{{quarantined}}"),
    large("startWithId", "POST", f"{D}/orchestrators/echo/large"),
    Case(
        "startWithId",
        500,
        "POST",
        f"{D}/orchestrators/failing/{{ended}}?timeout=20&returnInternalServerErrorOnFailure=true",
    ),
    full("startWithId", "POST", f"{D}/orchestrators/echo/full"),
    Case("status", 200, "GET", f"{D}/instances/{{ended}}?showHistory=true&showHistoryOutput=true"),
    Case("status", 202, "GET", f"{D}/instances/{{live}}?showHistory=true"),
    Case("status", 202, "GET", f"{D}/instances/@counter@{{key}}"),
    Case("status", 400, "GET", f"{D}/instances/{{long}}"),
    Case("status", 404, "GET", f"{D}/instances/nobody"),
    Case("status", 409, "GET", f"{D}/instances/{{damaged}}?showHistory=true"),
    Case("status", 500, "GET", f"{D}/instances/{{failed}}?returnInternalServerErrorOnFailure=true"),
    Case("purge", 200, "DELETE", f"{D}/instances/{{ended}}"),
    Case("purge", 400, "DELETE", f"{D}/instances/{{long}}"),
    Case("purge", 404, "DELETE", f"{D}/instances/nobody"),
    Case("purge", 412, "DELETE", f"{D}/instances/{{live}}"),
    full("purge", "DELETE", f"{D}/instances/{{ended}}"),
    Case("raiseEvent", 202, "POST", f"{D}/instances/{{live}}/raiseEvent/Approval", "1"),
    Case("raiseEvent", 400, "POST", f"{D}/instances/{{live}}/raiseEvent/Approval", "1", media_type="text/plain"),
    Case("raiseEvent", 400, "POST", f"{D}/instances/{{live}}/raiseEvent/Approval", "no json"),
    Case("raiseEvent", 404, "POST", f"{D}/instances/nobody/raiseEvent/Approval", "1"),
    Case("raiseEvent", 409, "POST", f"{D}/instances/{{quarantined}}/raiseEvent/Approval", "1"),
    Case("raiseEvent", 410, "POST", f"{D}/instances/{{ended}}/raiseEvent/Approval", "1"),
    large("raiseEvent", "POST", f"{D}/instances/{{live}}/raiseEvent/Approval"),
    full("raiseEvent", "POST", f"{D}/instances/{{live}}/raiseEvent/Approval"),
    *(
        case
        for verb, fits in (("terminate", "live"), ("suspend", "live"), ("resume", "suspended"))
        for case in (
            Case(verb, 202, "POST", f"{D}/instances/{{{fits}}}/{verb}?reason=why"),
            Case(verb, 400, "POST", f"{D}/instances/{{long}}/{verb}"),
            Case(verb, 404, "POST", f"{D}/instances/nobody/{verb}"),
            Case(verb, 404, "POST", f"{D}/instances/@counter@{{key}}/{verb}"),
            Case(verb, 409, "POST", f"{D}/instances/{{quarantined}}/{verb}"),
            Case(verb, 410, "POST", f"{D}/instances/{{ended}}/{verb}"),
            full(verb, "POST", f"{D}/instances/{{{fits}}}/{verb}"),
        )
    ),
    Case("suspend", 409, "POST", f"{D}/instances/{{suspended}}/suspend"),
    Case("resume", 409, "POST", f"{D}/instances/{{live}}/resume"),
    Case("rewind", 202, "POST", f"{D}/instances/{{failed}}/rewind?reason=fixed"),
    Case("rewind", 400, "POST", f"{D}/instances/{{long}}/rewind"),
    Case("rewind", 404, "POST", f"{D}/instances/nobody/rewind"),
    Case("rewind", 409, "POST", f"{D}/instances/{{changed}}/rewind"),
    Case("rewind", 409, "POST", f"{D}/instances/{{quarantined_failed}}/rewind"),
    Case("rewind", 412, "POST", f"{D}/instances/{{live}}/rewind"),
    Case("rewind", 412, "POST", f"{D}/instances/{{ended}}/rewind"),
    full("rewind", "POST", f"{D}/instances/{{failed}}/rewind"),
    Case("restart", 200, "POST", f"{D}/instances/{{ended}}/restart?timeout=20"),
    Case("restart", 202, "POST", f"{D}/instances/{{live}}/restart"),
    Case("restart", 400, "POST", f"{D}/instances/nobody/restart"),
    Case("restart", 404, "POST", f"{D}/instances/nobody/restart?taskHub=nowhere"),
    Case("restart", 409, "POST", f"{D}/instances/{{live}}/restart?restartWithNewInstanceId=false"),
    Case(
        "restart", 500, "POST", f"{D}/instances/{{failed}}/restart?timeout=20&returnInternalServerErrorOnFailure=true"
    ),
    full("restart", "POST", f"{D}/instances/{{ended}}/restart"),
    Case("makePrimary", 200, "POST", f"{D}/makeprimary"),
    Case("list", 200, "GET", f"{D}/instances?top=1"),
    Case("list", 400, "GET", f"{D}/instances?a=1&" + "&".join(f"a{n}=1" for n in range(32))),
    Case("list", 404, "GET", f"{D}/instances?taskHub=nowhere"),
    Case("purgeMany", 200, "DELETE", f"{D}/instances?createdTimeFrom=2020-01-01&runtimeStatus=Completed&x={{ended}}"),
    Case("purgeMany", 400, "DELETE", f"{D}/instances"),
    Case("purgeMany", 404, "DELETE", f"{D}/instances?createdTimeFrom=2100-01-01"),
    full("purgeMany", "DELETE", f"{D}/instances?createdTimeFrom=2020-01-01&runtimeStatus=Completed&x={{ended}}"),
    *(
        case
        for operation, path in (("listEntities", "entities"), ("listEntitiesOfName", "entities/counter"))
        for case in (
            Case(operation, 200, "GET", f"{D}/{path}?fetchState=true&x={{key}}"),
            Case(operation, 400, "GET", f"{D}/{path}?" + "&".join(f"a{n}=1" for n in range(33))),
            Case(operation, 404, "GET", f"{D}/{path}?taskHub=nowhere"),
        )
    ),
    Case("entityState", 200, "GET", f"{D}/entities/counter/{{key}}"),
    Case("entityState", 400, "GET", f"{D}/entities/counter/{{long}}"),
    Case("entityState", 404, "GET", f"{D}/entities/counter/nobody"),
    Case("entityState", 404, "GET", f"{D}/entities/counter/$"),
    Case("signalEntity", 202, "POST", f"{D}/entities/counter/{{key}}?op=set", "1"),
    Case("signalEntity", 202, "POST", f"{D}/entities/counter/{{key}}?op=set", "words", media_type="text/plain"),
    Case("signalEntity", 400, "POST", f"{D}/entities/nothing/k?op=set"),
    Case("signalEntity", 400, "POST", f"{D}/entities/counter/k?op=set", "no json"),
    *(
        case
        for operation, method in (("signalEntity", "POST"), ("deleteEntity", "DELETE"))
        for case in (
            Case(operation, 404, method, f"{D}/entities/counter/k?taskHub=nowhere"),
            Case(operation, 409, method, f"{D}/entities/counter/{{damaged_key}}"),
            large(operation, method, f"{D}/entities/counter/k"),
            full(operation, method, f"{D}/entities/counter/k"),
        )
    ),
    Case("deleteEntity", 202, "DELETE", f"{D}/entities/counter/{{key}}"),
    Case("deleteEntity", 400, "DELETE", f"{D}/entities/nothing/k"),
    Case("openapi", 200, "GET", f"{D}/openapi.json"),
]
OWN = [
    Case("hostStatus", 200, "GET", "/admin/host/status"),
    Case("adminFunctions", 200, "GET", "/admin/functions"),
    Case("adminFunction", 200, "GET", "/admin/functions/YEARLY"),
    Case("adminFunction", 404, "GET", "/admin/functions/nothing"),
    Case("runFunction", 202, "POST", "/admin/functions/{timer}", '{"input":""}'),
    Case("runFunction", 400, "POST", "/admin/functions/echo", "{}"),
    Case("runFunction", 404, "POST", "/admin/functions/nothing"),
    Case("runFunction", 409, "POST", "/admin/functions/{running_timer}", "{}"),
    Case("root", 200, "GET", "/"),
    Case("rootHead", 200, "HEAD", "/"),
    Case("healthz", 200, "GET", "/healthz"),
    Case("healthz", 503, "GET", "/healthz", disk_is_full=True),
    Case("healthzHead", 200, "HEAD", "/healthz"),
    Case("healthzHead", 503, "HEAD", "/healthz", disk_is_full=True),
    Case("health", 200, "GET", f"{V}/health"),
    Case("challenge", 200, "GET", f"{V}/challenge?nonce=0123456789abcdef"),
    Case("challenge", 400, "GET", f"{V}/challenge?nonce=short"),
    Case("hub", 200, "GET", f"{V}/hub"),
    Case("functions", 200, "GET", f"{V}/functions"),
    Case("runNow", 200, "POST", f"{V}/functions/{{timer}}/run", "{}"),
    Case("runNow", 400, "POST", f"{V}/functions/echo/run", "{}"),
    Case("runNow", 400, "POST", f"{V}/functions/{{timer}}/run", '{"data":1}'),
    Case("runNow", 404, "POST", f"{V}/functions/nothing/run", "{}"),
    Case("runNow", 409, "POST", f"{V}/functions/{{running_timer}}/run", "{}"),
    large("runNow", "POST", f"{V}/functions/{{timer}}/run"),
    Case("runNow", 415, "POST", f"{V}/functions/{{timer}}/run", "{}", media_type="text/plain"),
    Case("clientPayload", 200, "GET", f"{V}/client-payload?sdk=python1"),
    Case("clientPayload", 400, "GET", f"{V}/client-payload?sdk=cobol"),
    Case("findInstances", 200, "GET", f"{V}/instances?top=1"),
    Case("findInstances", 400, "GET", f"{V}/instances?top=many"),
    Case("findInstances", 400, "GET", f"{V}/instances?continuation=forged"),
    Case("instance", 200, "GET", f"{V}/instances/{{live}}"),
    Case("instance", 200, "GET", f"{V}/instances/@counter@{{key}}"),
    Case("instance", 400, "GET", f"{V}/instances/{{live}}?showHistory=true"),
    Case("instance", 404, "GET", f"{V}/instances/nobody"),
    Case("wait", 200, "GET", f"{V}/instances/{{live}}/wait?timeout=0"),
    Case("wait", 400, "GET", f"{V}/instances/{{live}}/wait?timeout=long"),
    Case("wait", 404, "GET", f"{V}/instances/nobody/wait"),
    *(
        case
        for operation in ("events", "lines")
        for case in (
            Case(operation, 200, "GET", f"{V}/instances/{{ended}}/{operation}"),
            Case(operation, 400, "GET", f"{V}/instances/{{ended}}/{operation}?exec=first"),
            Case(operation, 404, "GET", f"{V}/instances/nobody/{operation}"),
            Case(operation, 409, "GET", f"{V}/instances/{{damaged}}/{operation}"),
        )
    ),
    Case("startInstance", 201, "POST", f"{V}/orchestrators/echo", "1"),
    Case("startInstance", 400, "POST", f"{V}/orchestrators/echo?wait=1"),
    Case("startInstance", 409, "POST", f"{V}/orchestrators/echo?instanceId={{live}}"),
    large("startInstance", "POST", f"{V}/orchestrators/echo"),
    Case("startInstance", 415, "POST", f"{V}/orchestrators/echo", "1", media_type="text/plain"),
    full("startInstance", "POST", f"{V}/orchestrators/echo"),
    Case("sendEvent", 202, "POST", f"{V}/instances/{{live}}/events/Approval", "1"),
    Case("sendEvent", 400, "POST", f"{V}/instances/{{live}}/events/Approval", "no json"),
    Case("sendEvent", 404, "POST", f"{V}/instances/nobody/events/Approval"),
    Case("sendEvent", 409, "POST", f"{V}/instances/{{quarantined}}/events/Approval"),
    Case("sendEvent", 410, "POST", f"{V}/instances/{{ended}}/events/Approval"),
    large("sendEvent", "POST", f"{V}/instances/{{live}}/events/Approval"),
    Case("sendEvent", 415, "POST", f"{V}/instances/{{live}}/events/Approval", "1", media_type="text/plain"),
    full("sendEvent", "POST", f"{V}/instances/{{live}}/events/Approval"),
    Case("signal", 202, "POST", f"{V}/entities/counter/k/signals?op=set", "1"),
    Case("signal", 400, "POST", f"{V}/entities/nothing/k/signals?op=set"),
    Case("signal", 409, "POST", f"{V}/entities/counter/{{damaged_key}}/signals?op=set"),
    large("signal", "POST", f"{V}/entities/counter/k/signals?op=set"),
    Case("signal", 415, "POST", f"{V}/entities/counter/k/signals?op=set", "1", media_type="text/plain"),
    full("signal", "POST", f"{V}/entities/counter/k/signals?op=set"),
    *(
        case
        for verb, fits in (("terminate", "live"), ("suspend", "live"), ("resume", "suspended"))
        for case in (
            Case(f"{verb}Instance", 202, "POST", f"{V}/instances/{{{fits}}}/{verb}?reason=why"),
            Case(f"{verb}Instance", 400, "POST", f"{V}/instances/{{live}}/{verb}?because=why"),
            Case(f"{verb}Instance", 404, "POST", f"{V}/instances/nobody/{verb}"),
            Case(f"{verb}Instance", 409, "POST", f"{V}/instances/{{quarantined}}/{verb}"),
            Case(f"{verb}Instance", 410, "POST", f"{V}/instances/{{ended}}/{verb}"),
            full(f"{verb}Instance", "POST", f"{V}/instances/{{{fits}}}/{verb}"),
        )
    ),
    Case("suspendInstance", 409, "POST", f"{V}/instances/{{suspended}}/suspend"),
    Case("resumeInstance", 409, "POST", f"{V}/instances/{{live}}/resume"),
    Case("purgeInstance", 200, "DELETE", f"{V}/instances/{{ended}}"),
    Case("purgeInstance", 400, "DELETE", f"{V}/instances/{{ended}}?recursive=maybe"),
    Case("purgeInstance", 404, "DELETE", f"{V}/instances/nobody"),
    Case("purgeInstance", 409, "DELETE", f"{V}/instances/{{live}}"),
    full("purgeInstance", "DELETE", f"{V}/instances/{{ended}}"),
    Case("rewindInstance", 200, "POST", f"{V}/instances/{{failed}}/rewind?dryRun=true"),
    Case("rewindInstance", 202, "POST", f"{V}/instances/{{failed}}/rewind"),
    Case("rewindInstance", 400, "POST", f"{V}/instances/{{failed}}/rewind?from=0"),
    Case("rewindInstance", 404, "POST", f"{V}/instances/nobody/rewind"),
    Case("rewindInstance", 409, "POST", f"{V}/instances/{{live}}/rewind"),
    Case("rewindInstance", 409, "POST", f"{V}/instances/{{changed}}/rewind"),
    full("rewindInstance", "POST", f"{V}/instances/{{failed}}/rewind"),
    Case("restartInstance", 201, "POST", f"{V}/instances/{{ended}}/restart"),
    Case("restartInstance", 400, "POST", f"{V}/instances/{{ended}}/restart?newId=maybe"),
    Case("restartInstance", 404, "POST", f"{V}/instances/nobody/restart"),
    Case("restartInstance", 409, "POST", f"{V}/instances/{{live}}/restart?newId=false"),
    full("restartInstance", "POST", f"{V}/instances/{{ended}}/restart"),
]
