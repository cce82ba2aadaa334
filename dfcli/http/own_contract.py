"""What the house's own routes promise."""

from __future__ import annotations

from dataclasses import replace

from dfcli.host.client_payload import ClientSdk
from dfcli.http.contract import (
    ANYTHING,
    FLAG,
    JSON_TYPE,
    LINES_TYPE,
    MOMENT,
    NO_SPACE,
    SECONDS,
    TEXT,
    TEXT_TYPE,
    TOO_LARGE,
    Answer,
    Body,
    Operation,
    Parameter,
    Schema,
    list_of,
    ref,
    refusal,
)
from dfcli.http.durable_contract import KEYED
from dfcli.model.projection import STATUS_NUMBERS

_ONE_STATUS = "(" + "|".join([*STATUS_NUMBERS, "[0-7]"]) + ")"
_STATUS_WORDS = f"^{_ONE_STATUS}(,{_ONE_STATUS})*$"
BAD = refusal("An argument is wrong.")
NOT_FOUND = refusal("No such instance.")
CONFLICT = refusal("The instance is not in a state that allows this, or is in quarantine.")
GONE = refusal("The instance has ended.")
NOT_JSON = refusal("The body is not declared as application/json, or is compressed.")
ACCEPTED = Answer("Recorded: it is durable.", {"type": "object", "maxProperties": 0})
SHOWN = Answer("The status, with what a live instance waits for.", ref("WireStatus"))
INSTANCE_STATUS = Parameter(
    "status",
    {"type": "string", "pattern": _STATUS_WORDS},
    "Names or numbers of runtime statuses, separated by commas.",
)
WORDS: Schema = {"type": "string", "minLength": 1}
SEQUENCE: Schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
REASON = Parameter("reason", {"type": "string", "minLength": 1}, "Kept in the history.")
RECURSIVE = Parameter("recursive", FLAG, "`true`: with the sub-orchestrations below it.")
EXEC = Parameter("exec", SEQUENCE, "Which execution; without it the newest.")

ROOT = Operation("root", "That dfcli runs.", {200: Answer("It does.", TEXT, TEXT_TYPE)})
HEALTHZ = Operation(
    "healthz",
    "For supervisors: `ok`, or `degraded` while damaged instances are in quarantine.",
    {
        200: Answer("The host serves.", TEXT, TEXT_TYPE),
        503: Answer("It does not: `stopping`, `stopped`, or `no space`.", TEXT, TEXT_TYPE),
    },
)
HEALTH = Operation("health", "The same in JSON, always with 200.", {200: Answer("The word.", ref("Health"))})
DOCUMENT = Operation(
    "openapi", "This document.", {200: Answer("An OpenAPI 3.1 document.", {"type": "object", "required": ["paths"]})}
)
CHALLENGE = Operation(
    "challenge",
    "A proof that this host knows the hub's key, for those who know it, too.",
    {200: Answer("The proof; empty when no keys are asked for.", ref("Proof")), 400: BAD},
    (
        Parameter(
            "nonce", {"type": "string", "pattern": "^[!-~]{16,128}$"}, "Made anew for each challenge.", required=True
        ),
    ),
)
HUB = Operation("hub", "Which host this is, and of which task hub.", {200: Answer("It.", ref("HubInfo"))})
FUNCTIONS = Operation(
    "functions", "The app's functions as they run now.", {200: Answer("All of them.", list_of(ref("FunctionInfo")))}
)
RUN = Operation(
    "runNow",
    "Run a function that is no durable one once, whatever triggers it, and tell how it ended and what it gave to its "
    "output bindings, which go nowhere.",
    {
        200: Answer("It has ended; `failure` says why when it failed.", ref("FunctionRun")),
        400: refusal("It is a durable or an HTTP function, an input is missing, or the body is not as described."),
        404: refusal("No such function."),
        409: refusal("It is a timer function that is running."),
        413: TOO_LARGE,
        415: NOT_JSON,
    },
    body=Body(
        "What the trigger would bring, as text or base64, with the members of its message, such as `subject`; and the "
        "contents of input bindings.",
        {
            JSON_TYPE: {
                "type": "object",
                "properties": {
                    "input": {"type": "string"},
                    "base64": {"type": "boolean"},
                    "fileName": {"type": "string"},
                    "metadata": {"type": "object"},
                    "bindings": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "additionalProperties": False,
            }
        },
    ),
)
CLIENT = Operation(
    "clientPayload",
    "What a durable client outside the host is made from: the text of the `durableClient` binding. It holds the secret "
    "address of this host's workers.",
    {
        200: Answer(
            "The binding's members.", {"type": "object", "required": ["taskHubName", "managementUrls", "rpcBaseUrl"]}
        ),
        400: BAD,
    },
    (
        Parameter(
            "sdk",
            {"type": "string", "enum": [sdk.value for sdk in ClientSdk]},
            "`python1`: for azure-functions-durable 1.x; `plain`, the default, for every other client.",
        ),
    ),
)
LIST = Operation(
    "findInstances",
    "Instances in order of their creation, in pages, with all that is known of them.",
    {200: Answer("One page.", ref("WirePage")), 400: BAD},
    (
        INSTANCE_STATUS,
        Parameter("name", WORDS, "Orchestrators in any case, separated by commas."),
        Parameter("prefix", WORDS, "How the ids begin."),
        Parameter("createdFrom", MOMENT, "Created then or later."),
        Parameter("createdTo", MOMENT, "Created then or before."),
        Parameter("parentId", WORDS, "Started by this instance."),
        Parameter("newestFirst", FLAG, "The other way round."),
        Parameter("top", {"type": "integer", "minimum": 1, "maximum": 1000}, "How many a page holds; 100 by default."),
        Parameter("continuation", WORDS, "From the page before."),
    ),
)
STATUS = Operation("instance", "The status of an instance.", {200: SHOWN, 400: BAD, 404: NOT_FOUND})
WAIT = Operation(
    "wait",
    "The status when the instance has ended or time is up; look which.",
    STATUS.answers,
    (Parameter("timeout", SECONDS, "Seconds; 0 by default."),),
)
EVENTS = Operation(
    "events",
    "The events of one execution, one per line.",
    {
        200: Answer("The events.", TEXT, LINES_TYPE),
        400: BAD,
        404: NOT_FOUND,
        409: refusal("Damage was found just now; asked again, the part that is right is returned."),
    },
    (EXEC,),
)
LINES = replace(EVENTS, id="lines", summary="The same as they stand on the disk, checksums included.")
_INSTANCE = ("instance", "wait", "events", "sendEvent", "terminateInstance", "suspendInstance", "purgeInstance")
START = Operation(
    "startInstance",
    "Start an instance.",
    {
        201: Answer("Its id; the start is durable.", ref("Started")),
        400: BAD,
        409: refusal("A live instance, or one in quarantine, has the id."),
        413: TOO_LARGE,
        415: NOT_JSON,
        507: NO_SPACE,
    },
    (
        Parameter("instanceId", ref("InstanceId"), "The id; without it one is made."),
        Parameter("version", {"type": "string", "minLength": 1, "maxLength": 256}, "The version of the instance."),
        Parameter("startAt", MOMENT, "Not before this time."),
        Parameter("replace", FLAG, "Whether a live instance that has the id is ended and replaced."),
        KEYED,
    ),
    Body("The input; an empty body is none.", {JSON_TYPE: ANYTHING}),
    _INSTANCE,
    {"name": "Orchestrator"},
)
RAISE_EVENT = Operation(
    "sendEvent",
    "Hand an event to a live instance.",
    {
        202: ACCEPTED,
        400: BAD,
        404: NOT_FOUND,
        409: CONFLICT,
        410: GONE,
        413: TOO_LARGE,
        415: NOT_JSON,
        507: NO_SPACE,
    },
    (KEYED,),
    START.body,
)
SIGNAL = Operation(
    "signal",
    "Have an entity do something; nobody is told what becomes of it.",
    {202: ACCEPTED, 400: BAD, 409: CONFLICT, 413: TOO_LARGE, 415: NOT_JSON, 507: NO_SPACE},
    (
        Parameter("op", {"type": "string", "minLength": 1, "maxLength": 256}, "The operation."),
        Parameter("due", MOMENT, "Not before this time."),
        KEYED,
    ),
    START.body,
    path_schemas={"name": "EntityName"},
)
TERMINATE = Operation(
    "terminateInstance",
    "End a live instance without running its code again.",
    {202: ACCEPTED, 400: BAD, 404: NOT_FOUND, 409: CONFLICT, 410: GONE, 507: NO_SPACE},
    (REASON, RECURSIVE),
)
SUSPEND = replace(TERMINATE, id="suspendInstance", summary="Hold a live instance.", parameters=(REASON,))
RESUME = replace(SUSPEND, id="resumeInstance", summary="Let a suspended instance go on.")
PURGE = Operation(
    "purgeInstance",
    "Remove an ended instance and its history.",
    {200: Answer("Removed.", ref("Purged")), 400: BAD, 404: NOT_FOUND, 409: CONFLICT, 507: NO_SPACE},
    (RECURSIVE,),
)
REWIND = Operation(
    "rewindInstance",
    "Take a failed instance back to before its failure.",
    {
        200: Answer("What a rewind would do; nothing was done.", ref("RewindReport")),
        202: Answer("What it did; it is durable.", ref("RewindReport")),
        400: BAD,
        404: NOT_FOUND,
        409: refusal("It has not failed, is in quarantine, or the app's code does not repeat what would be left."),
        507: NO_SPACE,
    },
    (
        REASON,
        Parameter("from", SEQUENCE, "The `Seq` of the event to begin anew with."),
        Parameter("dryRun", FLAG, "`true`: only tell what would be done."),
        Parameter("verify", FLAG, "`false`: do not try the app's code first."),
    ),
)
RESTART = Operation(
    "restartInstance",
    "Start an instance again with the input it had.",
    {
        201: Answer("The id of the new run, which is durable.", ref("Started")),
        400: BAD,
        404: NOT_FOUND,
        409: CONFLICT,
        507: NO_SPACE,
    },
    (Parameter("newId", FLAG, "`false`: under its own id."),),
)
