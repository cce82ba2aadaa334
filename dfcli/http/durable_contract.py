"""What the durable API's routes promise; the words are those of Durable Functions where it has some."""

from __future__ import annotations

from dataclasses import replace

from dfcli.http.contract import (
    ANYTHING,
    FLAG,
    JSON_TYPE,
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
    list_of,
    ref,
)

ERROR = ref("DurableError")
STATUS = ref("Status")

HUB = (
    Parameter("taskHub", TEXT, "The task hub that is meant, in any case; without it the host's own."),
    Parameter("connection", TEXT, "Ignored: a task hub here is a folder."),
)
KEYED = Parameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 256, "pattern": "^[\\x20-\\x7e]*$"},
    "Repeating a request with the same key counts once.",
    where="header",
)
REASON = Parameter("reason", TEXT, "Kept in the history.")
SHOW_INPUT = Parameter("showInput", FLAG, "`false` leaves inputs out; they are shown by default.")
TOP = Parameter("top", {"type": "integer"}, "How many a page holds: 100 by default, 1000 at most.")
PLACE = Parameter("x-ms-continuation-token", TEXT, "From the page before.", where="header")
FAIL_LOUDLY = Parameter(
    "returnInternalServerErrorOnFailure", FLAG, "`true`: a failed instance is answered with 500 instead of 200."
)
WAITING = (
    Parameter("timeout", SECONDS, "Wait so many seconds for the end of the instance before answering."),
    Parameter("pollingInterval", SECONDS, "Accepted; not larger than `timeout`. Nothing is polled here."),
    FAIL_LOUDLY,
)
CREATED = (
    Parameter("createdTimeFrom", MOMENT, "Created then or later."),
    Parameter("createdTimeTo", MOMENT, "Created then or before."),
)
STATUSES = Parameter(
    "runtimeStatus", TEXT, "Names or numbers of statuses, separated by commas; unknown ones are passed over."
)

BAD = Answer("An argument is wrong; `ExceptionMessage` says which and why.", ERROR)
NOT_FOUND = Answer("No such instance, or no such task hub.")
QUARANTINED = Answer("The instance's files are damaged, so that it is not run.", ERROR)
GONE = Answer("The instance has ended.")
ACCEPTED = Answer("Recorded: it is durable.")
TOKEN = {"x-ms-continuation-token": "Where the next page begins; empty on the last one."}
CHECK = Answer(
    "Recorded, with the addresses to ask for the instance and to steer it.",
    ref("CheckStatus"),
    headers={"Location": "The address of the status.", "Retry-After": "Seconds: 10."},
)
SHOWN = Answer("The instance has ended.", STATUS)

_INSTANCE = ("status", "raiseEvent", "terminate", "suspend", "resume", "purge")

START = Operation(
    "start",
    "Start an instance under an id that is made for it.",
    {
        200: Answer("It ended in time: the output alone, or the status of one that did not complete.", ANYTHING),
        202: CHECK,
        400: replace(BAD, text="The function is unknown, the id cannot be used, or the body is no JSON."),
        404: Answer("No such task hub."),
        413: TOO_LARGE,
        500: Answer("It failed in time, and `returnInternalServerErrorOnFailure` was asked for.", STATUS),
        507: NO_SPACE,
    },
    (
        Parameter("version", {"type": "string", "maxLength": 256}, "The version of the instance."),
        *WAITING,
        *HUB,
        KEYED,
    ),
    Body("The input; an empty body is none. Its media type does not matter.", {JSON_TYPE: ANYTHING}),
    _INSTANCE,
    {"name": "Orchestrator"},
)
START_WITH_ID = replace(
    START,
    id="startWithId",
    path_schemas={"name": "Orchestrator", "id": "InstanceId"},
    summary="Start an instance under an id of the caller's.",
    answers={**START.answers, 409: Answer("A live instance, or one in quarantine, has the id.", ERROR)},
)
GET_STATUS = Operation(
    "status",
    "The status of an instance; of an entity by its id `@name@key`.",
    {
        200: SHOWN,
        202: Answer(
            "The instance is live.",
            STATUS,
            headers={"Location": "The request's own address.", "Retry-After": "Seconds: 5."},
        ),
        400: BAD,
        404: NOT_FOUND,
        409: QUARANTINED,
        500: Answer("It failed, and `returnInternalServerErrorOnFailure` was asked for.", STATUS),
    },
    (
        Parameter("showHistory", FLAG, "Add `historyEvents`."),
        Parameter("showHistoryOutput", FLAG, "Show results in `historyEvents`."),
        SHOW_INPUT,
        FAIL_LOUDLY,
        *HUB,
    ),
)
PURGE = Operation(
    "purge",
    "Remove an ended instance and its history; an entity in any state.",
    {
        200: Answer("Removed.", ref("Purged")),
        400: BAD,
        404: NOT_FOUND,
        412: Answer("The instance is live.", TEXT),
        507: NO_SPACE,
    },
    HUB,
)
RAISE_EVENT = Operation(
    "raiseEvent",
    "Hand an event to a live instance; it is kept until the code waits for it.",
    {202: ACCEPTED, 400: BAD, 404: NOT_FOUND, 409: QUARANTINED, 410: GONE, 413: TOO_LARGE, 507: NO_SPACE},
    (*HUB, KEYED),
    Body("The event's payload; an empty body is none.", {JSON_TYPE: ANYTHING}, required=True),
)
TERMINATE = Operation(
    "terminate",
    "End a live instance without running its code again.",
    {202: ACCEPTED, 400: BAD, 404: NOT_FOUND, 409: QUARANTINED, 410: GONE, 507: NO_SPACE},
    (REASON, *HUB),
)
SUSPEND = Operation(
    "suspend",
    "Hold a live instance: what arrives is kept, no code runs.",
    {**TERMINATE.answers, 409: Answer("The instance is suspended already, or in quarantine.", ERROR)},
    (REASON, *HUB),
)
RESUME = Operation(
    "resume",
    "Let a suspended instance go on.",
    {**TERMINATE.answers, 409: Answer("The instance is not suspended, or in quarantine.", ERROR)},
    (REASON, *HUB),
)
REWIND = Operation(
    "rewind",
    "Take a failed instance back to before its failure.",
    {
        202: ACCEPTED,
        400: BAD,
        404: Answer("No such instance, said in a JSON string; or no such task hub."),
        409: Answer("The app's code does not repeat what would be left of the history, or it is in quarantine.", ERROR),
        412: Answer("The instance has not failed.", TEXT),
        507: NO_SPACE,
    },
    (REASON, *HUB),
)
RESTART = Operation(
    "restart",
    "Start an instance again with the input it had.",
    {
        200: START.answers[200],
        202: CHECK,
        400: replace(BAD, text="There is no such instance, or an argument is wrong."),
        404: Answer("No such task hub."),
        409: Answer("It is live, and its own id was to be used; or it is in quarantine.", ERROR),
        500: START.answers[500],
        507: NO_SPACE,
    },
    (Parameter("restartWithNewInstanceId", FLAG, "`false`: under its own id."), *WAITING, *HUB),
)
MAKE_PRIMARY = Operation("makePrimary", "Make this host the primary one, which it always is.", {200: Answer("It is.")})
LIST = Operation(
    "list",
    "Instances in order of their creation, in pages; entities only by a prefix that begins with `@`.",
    {200: Answer("One page.", list_of(STATUS), headers=TOKEN), 400: BAD, 404: Answer("No such task hub.")},
    (
        *CREATED,
        STATUSES,
        Parameter("instanceIdPrefix", TEXT, "How the ids begin."),
        SHOW_INPUT,
        TOP,
        PLACE,
        *HUB,
    ),
)
PURGE_MANY = Operation(
    "purgeMany",
    "Remove every ended instance that was created in a span of time.",
    {
        200: Answer("How many were removed.", ref("Purged")),
        400: Answer("`createdTimeFrom` is missing or is no time.", {"anyOf": [TEXT, ERROR]}),
        404: Answer("Nothing was removed, or there is no such task hub."),
        507: NO_SPACE,
    },
    (replace(CREATED[0], required=True), CREATED[1], STATUSES, *HUB),
)
LIST_ENTITIES = Operation(
    "listEntities",
    "Entities that have a state, in order of their ids, in pages.",
    {200: Answer("One page.", list_of(ref("Entity")), headers=TOKEN), 400: BAD, 404: Answer("No such task hub.")},
    (
        Parameter("lastOperationTimeFrom", MOMENT, "The last operation was then or later."),
        Parameter("lastOperationTimeTo", MOMENT, "The last operation was then or before."),
        Parameter("fetchState", FLAG, "`true`: show the states, too."),
        TOP,
        PLACE,
        *HUB,
    ),
)
LIST_ENTITIES_OF_NAME = replace(LIST_ENTITIES, id="listEntitiesOfName", summary="The same of one name.")
ENTITY_STATE = Operation(
    "entityState",
    "The state of an entity after its last operation.",
    {200: Answer("The state alone.", ANYTHING), 400: BAD, 404: Answer("The entity has no state.")},
    HUB,
)
SIGNAL = Operation(
    "signalEntity",
    "Have an entity do something; nobody is told what becomes of it.",
    {
        202: ACCEPTED,
        400: BAD,
        404: Answer("No such task hub."),
        409: Answer("The entity's files are damaged, so that it is not run.", ERROR),
        413: TOO_LARGE,
        507: NO_SPACE,
    },
    (Parameter("op", {"type": "string", "maxLength": 256}, "The operation."), *HUB, KEYED),
    Body(
        "The operation's input: JSON where the media type says so, any other text as a string.",
        {JSON_TYPE: ANYTHING, TEXT_TYPE: TEXT},
    ),
    path_schemas={"name": "EntityName"},
)
DELETE_ENTITY = replace(SIGNAL, id="deleteEntity", summary="Have an entity delete itself.", parameters=(*HUB, KEYED))
