"""phone-verification: verify a phone number with a code sent by SMS. The answer arrives as an external event."""

import secrets
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import dfcli as df
from dfcli import HttpRequest, HttpResponse

import sms

app = df.DFApp()

TIME_TO_ANSWER = timedelta(seconds=90)
ATTEMPTS_MAX = 3
CODE_DIGITS = 4
SEND_RETRY = df.RetryOptions(
    first_retry_interval_in_milliseconds=1_000,
    max_number_of_attempts=3,
)
"""A provider that cannot be reached is tried again. One that refuses the message has answered: that is no failure."""


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: HttpRequest, client: df.DurableOrchestrationClient) -> HttpResponse:
    """Start an instance over HTTP; the answer holds the links to follow it and to send the event."""
    try:
        client_input = req.get_json() if req.get_body() else None
        instance_id = await client.start_new(req.route_params["functionName"], client_input=client_input)
    except Exception as error:  # no JSON, or refused by the host: the client says it in plain exceptions
        return HttpResponse(str(error), status_code=400)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def verify_phone(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Input: a phone number such as "+15550100". Output: {"verified": bool, "attempts": int, "why": text}."""
    number = context.get_input()
    code = yield context.call_activity(new_code, CODE_DIGITS)
    message = {"to": number, "text": f"Your verification code is {code}"}
    sent = yield context.call_activity_with_retry(send_sms, SEND_RETRY, message)
    if "refused" in sent:
        raise ValueError(sent["refused"])

    time_is_up = context.create_timer(context.current_utc_datetime + TIME_TO_ANSWER)
    for attempt in range(1, ATTEMPTS_MAX + 1):
        context.set_custom_status(f"waiting for the code, attempt {attempt} of {ATTEMPTS_MAX}")
        answer = context.wait_for_external_event("SmsChallengeResponse")
        winner = yield context.task_any([answer, time_is_up])
        if winner is time_is_up:
            context.set_custom_status("too late")
            return {"verified": False, "attempts": attempt - 1, "why": "no right answer in time"}
        if same_code(answer.result, code):
            time_is_up.cancel()
            context.set_custom_status("verified")
            return {"verified": True, "attempts": attempt, "why": "the code was right"}
    time_is_up.cancel()
    context.set_custom_status("too many attempts")
    return {"verified": False, "attempts": ATTEMPTS_MAX, "why": f"{ATTEMPTS_MAX} wrong answers"}


@app.activity_trigger(input_name="digits")
def new_code(digits: int) -> str:
    """A code of so many digits. An activity, because an orchestrator must come to the same result on every replay."""
    return f"{secrets.randbelow(10**digits):0{digits}d}"


@app.activity_trigger(input_name="message")
def send_sms(message: dict[str, Any]) -> dict[str, str]:
    """Send a message through the provider of the settings: {"sent": its id} or {"refused": why}. After a crash it may
    go twice."""
    try:
        return {"sent": sms.send(message["to"], message["text"])}
    except sms.SmsRefused as error:
        return {"refused": str(error)}


def same_code(answer: Any, code: str) -> bool:
    """Whether the event's data is the code, as text or as a number (which drops leading zeros)."""
    text = (
        f"{answer:0{CODE_DIGITS}d}" if isinstance(answer, int) and not isinstance(answer, bool) else str(answer).strip()
    )
    return secrets.compare_digest(text.encode(), code.encode())
