"""An order as a saga: reserve the stock, charge the card, ship; when a step fails, what was done is undone in reverse.

Each step has a counterpart that takes it back, and both may be repeated. The shop's state stands in small JSON files,
see `shop.py`.
"""

from collections.abc import Generator
from typing import Any

import dfcli as df

import shop

app = df.DFApp()

RETRY = df.RetryOptions(
    first_retry_interval_in_milliseconds=1_000,
    max_number_of_attempts=3,
    handle=lambda failure: not failure.is_caused_by(shop.Refused),
)
"""A step that broke is tried again; one that was refused (no stock, card declined) is not."""
UNDO_RETRY = df.RetryOptions(
    first_retry_interval_in_milliseconds=1_000,
    max_number_of_attempts=100,
    backoff_coefficient=2,
    max_retry_interval_in_milliseconds=60_000,
)
"""An undo must succeed in the end: it is tried for more than an hour."""


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: df.HttpRequest, client: df.DurableOrchestrationClient) -> df.HttpResponse:
    """Start an instance over HTTP; the answer holds the links to follow it."""
    try:
        client_input = req.get_json() if req.get_body() else None
        instance_id = await client.start_new(req.route_params["functionName"], client_input=client_input)
    except (ValueError, df.DfError) as error:
        return df.HttpResponse(str(error), status_code=400)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def place_order(context: df.DurableOrchestrationContext) -> Generator[df.Task, Any, dict[str, Any]]:
    """Input: {"item", "quantity", "card", "address"}. Output: {"order", "status", "why" or "parcel"}."""
    order = {**context.get_input(), "order": context.instance_id}
    steps = [(reserve_stock, release_stock), (charge_card, refund_card), (ship, recall_parcel)]
    to_undo: list[Any] = []
    status = "open"
    try:
        results = []
        for step, undo in steps:
            context.set_custom_status(step.__name__)
            # Noted before the step: one that failed half-way may have had its effect all the same.
            to_undo.append(undo)
            results.append((yield context.call_activity_with_retry(step, RETRY, order)))
        status = "shipped"
        return {"order": order["order"], "status": status, "parcel": results[-1]}
    except df.TaskFailedError as failure:
        for undo in reversed(to_undo):
            context.set_custom_status(undo.__name__)
            yield context.call_activity_with_retry(undo, UNDO_RETRY, order)
        status = "cancelled"
        return {"order": order["order"], "status": status, "why": failure.error_message}
    finally:
        yield context.call_activity(close_order, {**order, "status": status})
        context.set_custom_status(status)


@app.activity_trigger(input_name="order")
def reserve_stock(order: dict[str, Any]) -> int:
    """Take the items off the shelf; how many are left."""
    return shop.reserve(order["order"], order["item"], order["quantity"])


@app.activity_trigger(input_name="order")
def release_stock(order: dict[str, Any]) -> bool:
    """Put the items back; whether any were reserved."""
    return shop.release(order["order"])


@app.activity_trigger(input_name="order")
def charge_card(order: dict[str, Any]) -> int:
    """Charge the price; the amount in cents."""
    return shop.charge(order["order"], order["card"], order["item"], order["quantity"])


@app.activity_trigger(input_name="order")
def refund_card(order: dict[str, Any]) -> bool:
    """Give the money back; whether any was charged."""
    return shop.refund(order["order"])


@app.activity_trigger(input_name="order")
def ship(order: dict[str, Any]) -> str:
    """Hand the parcel to the carrier; its number."""
    return shop.ship(order["order"], order["address"])


@app.activity_trigger(input_name="order")
def recall_parcel(order: dict[str, Any]) -> bool:
    """Call the parcel back; whether there was one."""
    return shop.recall(order["order"])


@app.activity_trigger(input_name="order")
def close_order(order: dict[str, Any]) -> None:
    """Write the outcome into the book, also of an order that was cancelled."""
    shop.close(order["order"], order["status"])
