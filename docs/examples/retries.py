"""Retries: an activity is tried again, later each time, and the last failure is what the orchestrator sees."""

import asyncio

import dfcli as df

app = df.DFApp()
policy = df.RetryOptions(first_retry_interval_in_milliseconds=10, max_number_of_attempts=3, backoff_coefficient=2)


@app.orchestration_trigger(context_name="context")
def fetch_both(context):
    good = yield context.call_activity_with_retry(fetch, policy, 3)
    try:
        yield context.call_activity_with_retry(fetch, policy, 99)
    except df.TaskFailedError as failed:
        return [good, failed.error_message]


@app.activity_trigger(input_name="works_at")
def fetch(works_at: int) -> str:
    attempt = df.activity_info().attempt
    if attempt < works_at:
        raise TimeoutError(f"no answer to attempt {attempt}")
    return f"fetched by attempt {attempt}"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        status = await host.client.wait(await host.client.start_new(fetch_both), timeout=10)
        for line in status.output:
            print(line)


asyncio.run(main())

# Output:
#   fetched by attempt 3
#   no answer to attempt 3
