"""Aggregator: an entity gathers what arrives from everywhere, one operation at a time, and answers who asks."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.entity_trigger()
class Poll(df.DurableEntity):
    def vote(self, choice: str) -> None:
        votes = self.get_state(dict, {})
        self.set_state({**votes, choice: votes.get(choice, 0) + 1})

    def votes(self) -> dict[str, int]:
        return self.get_state(dict, {})


@app.orchestration_trigger(context_name="context")
def announce(context):
    votes = yield context.call_entity(df.EntityId("poll", context.get_input()), "votes")
    return f"{max(votes, key=votes.get)} wins with {max(votes.values())} of {sum(votes.values())}"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        lunch = df.EntityId("poll", "lunch")
        choices = ["soup", "pasta", "soup", "salad", "soup", "pasta"]
        await asyncio.gather(*(host.client.signal_entity(lunch, "vote", choice) for choice in choices))
        instance_id = await host.client.start_new(announce, client_input="lunch")
        print((await host.client.wait(instance_id, timeout=10)).output)


asyncio.run(main())

# Output:
#   soup wins with 3 of 6
