"""Fan-out, fan-in: many activities at once, and their results together in the order of the calls."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def count_words(context):
    pages = yield context.call_activity(split_into_pages, context.get_input())
    counts = yield context.task_all([context.call_activity(count_page, page) for page in pages])
    return {"pages": counts, "words": sum(counts)}


@app.activity_trigger(input_name="text")
def split_into_pages(text: str) -> list[str]:
    return text.split("|")


@app.activity_trigger(input_name="page")
def count_page(page: str) -> int:
    return len(page.split())


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        book = "it was the best of times|it was the worst of times|the end"
        instance_id = await host.client.start_new(count_words, client_input=book)
        status = await host.client.wait(instance_id, timeout=10)
        print(status.output)


asyncio.run(main())

# Output:
#   {'pages': [6, 6, 2], 'words': 14}
