// Drives the host whose binding payload stands in CLIENT_PAYLOAD, with the unmodified npm package, in an invocation
// context made by hand. Prints what each call gave as one object of JSON.
const df = require("durable-functions");

const input = df.input.durableClient();
const context = { options: { extraInputs: [input] }, extraInputs: new Map([[input, JSON.parse(process.env.CLIENT_PAYLOAD)]]) };
const client = df.getClient(context);

async function ended(id) {
    for (;;) {
        const status = await client.getStatus(id, { showInput: true, showHistory: true });
        if (!["Pending", "Running", "Suspended"].includes(status.runtimeStatus)) return status;
    }
}

async function refused(call) {
    try {
        await call;
        return null;
    } catch (error) {
        return error.message;
    }
}

async function main() {
    const told = {};
    const id = await client.startNew("approval", { instanceId: "from-npm", input: { a: [1, "ü"] } });
    told.id = id;
    await client.suspend(id, "wait");
    told.suspended = (await client.getStatus(id)).runtimeStatus;
    await client.resume(id, "go on");
    await client.raiseEvent(id, "Approval", { ok: true });
    const done = await ended(id);
    told.output = done.output;
    told.input = done.input;
    told.again = await refused(client.raiseEvent(id, "Approval", 1));
    told.unknown = await refused(client.startNew("nothing"));
    const other = await client.startNew("approval", { instanceId: "to-end" });
    await client.terminate(other, "no need");
    told.terminated = (await ended(other)).output;
    told.all = (await client.getStatusAll()).map((status) => status.instanceId).sort();
    told.purged = (await client.purgeInstanceHistory(id)).instancesDeleted;
    const counter = new df.EntityId("counter", "a");
    await client.signalEntity(counter, "add", 5);
    let state;
    do {
        state = await client.readEntityState(counter);
    } while (!state.entityExists);
    told.entity = state.entityState;
    const links = client.createHttpManagementPayload("from-npm");
    told.statusQueryGetUri = links.statusQueryGetUri;
    console.log(JSON.stringify(told));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
