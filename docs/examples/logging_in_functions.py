"""Logging: what functions log by Python's `logging` knows its instance, and is said once though code is replayed."""

import asyncio
import logging
import sys

import dfcli as df

app = df.DFApp()
log = logging.getLogger("shop")


@app.orchestration_trigger(context_name="context")
def order(context):
    log.info("order begins")
    price = yield context.call_activity(look_up, "tea")
    yield context.wait_for_external_event("Paid")
    log.info("paid %d", price)


@app.activity_trigger(input_name="article")
def look_up(article: str) -> int:
    log.info("looking up %s", article)
    return 7


async def main() -> None:
    # `dfcli run` does this by itself. A program of your own puts the filter on the handler it likes.
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(instance_id)s %(function_name)s: %(message)s"))
    handler.addFilter(df.LogContext())
    logging.basicConfig(level=logging.INFO, handlers=[handler])

    settings = df.HostSettings(always_replay=True)  # replays at every step, and still says nothing twice
    async with df.Host(app, hub=":memory:", settings=settings) as host:
        await host.client.start_new(order, instance_id="order-1")
        await host.client.raise_event("order-1", "Paid")
        await host.client.wait("order-1", timeout=10)


asyncio.run(main())

# Output:
#   order-1 order: order begins
#   order-1 look_up: looking up tea
#   order-1 order: paid 7
