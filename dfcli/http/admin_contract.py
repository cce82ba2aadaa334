"""What the routes below `/admin` promise."""

from __future__ import annotations

from dfcli.http.contract import ANYTHING, JSON_TYPE, Answer, Body, Operation, list_of, ref

NOT_FOUND = Answer("No such function.")

HOST_STATUS = Operation("hostStatus", "How the host is.", {200: Answer("It.", ref("HostStatus"))})
ADMIN_FUNCTIONS = Operation(
    "adminFunctions",
    "The app's functions with their triggers.",
    {200: Answer("All of them.", list_of(ref("AdminFunction")))},
)
ADMIN_FUNCTION = Operation("adminFunction", "One function.", {200: Answer("It.", ref("AdminFunction")), 404: NOT_FOUND})
RUN_FUNCTION = Operation(
    "runFunction",
    "Run a function that is no durable one once, whatever triggers it: a timer, a queue, a blob.",
    {
        202: Answer("It begins to run."),
        400: Answer("It is a durable or an HTTP function, or the body is no JSON.", ref("DurableError")),
        404: NOT_FOUND,
        409: Answer("It is running.", ref("DurableError")),
    },
    body=Body("`input` is the text that the trigger would bring.", {JSON_TYPE: ANYTHING}),
)
