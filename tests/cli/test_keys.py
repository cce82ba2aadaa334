"""Keys as a user meets them: the real host asks for one, commands find theirs, and no key is seen anywhere else."""

from __future__ import annotations

import json
import os
import socket
import threading
import urllib.error
import urllib.request

from tests.cli.real import App

FUNCTIONS = """
import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def approval(context):
    return (yield context.wait_for_external_event("approve"))


@app.route(auth_level="anonymous")
@app.durable_client_input(client_name="client")
async def begin(req, client):
    return client.create_check_status_response(req, await client.start_new("approval", "from-http"))


@app.route(auth_level="function")
def broken(req):
    raise RuntimeError("on purpose")
"""


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_commands_work_as_ever_and_strangers_need_a_key(app: App) -> None:
    app.write(FUNCTIONS)
    with app.running("--auth") as host:
        url = host.facts[0]["url"]
        management = f"{url}/runtime/webhooks/durabletask/instances"
        assert status_of(management) == 401
        started = app("start", "approval", "--id", "one")
        assert (started.code, started.out) == (0, "one\n")
        assert app("raise-event", "one", "approve", "--data", "true").code == 0
        assert app("status", "one", "--wait", "-o", "json").json()["output"] is True
        keys = {key["scope"]: key["value"] for key in app("keys", "list", "--show", "-o", "json").json()}
        assert status_of(management, **{"x-functions-key": keys["system"]}) == 200
        assert status_of(f"{url}/api/broken?code={keys['function']}") == 500
        with urllib.request.urlopen(f"{url}/api/begin", timeout=30) as answer:
            links = json.loads(answer.read())
        assert status_of(links["statusQueryGetUri"]) == 202

        rotated = app("keys", "rotate", "system", "--grace", "0")
        assert rotated.code == 0
        assert status_of(management, **{"x-functions-key": keys["system"]}) == 401
        assert app("status", "one", "-o", "json").code == 0
        assert app("keys", "revoke", "function").code == 0
        assert status_of(f"{url}/api/broken?code={keys['function']}") == 401
        said = host.stop()
    assert_no_key_leaked(app, [*keys.values(), *current_keys(app)], json.dumps(host.facts) + said.out + said.err)


def current_keys(app: App) -> list[str]:
    return [key["value"] for key in app("keys", "list", "--show", "-o", "json").json()]


def assert_no_key_leaked(app: App, keys: list[str], seen: str) -> None:
    """Neither in what the host said, nor in any file but the one that holds them."""
    assert len(keys) == 6
    assert "function broken failed" in seen
    for folder, _, files in os.walk(app.folder):
        for name in files:
            if name != "keys.json":
                with open(os.path.join(folder, name), "rb") as file:
                    seen += file.read().decode("latin-1")
    assert [key for key in keys if key in seen] == []
    assert app("keys", "list").out
    assert not [key for key in keys if key in app("keys", "list").out + app("keys", "list", "-o", "json").out]


def test_keys_that_others_may_read_stop_host_and_commands(app: App) -> None:
    with app.running("--auth"):
        os.chmod(os.path.join(app.hub, "keys.json"), 0o644)
        said = app("list")
        assert said.code == 4
        assert "are not private" in said.err
        assert "hint: chmod 600" in said.err
    said = app("run", "--auth", "--port", "0")
    assert said.code == 4
    assert "are not private" in said.err


def test_who_took_the_port_after_a_crash_is_sent_no_key_and_no_payload(app: App) -> None:
    with app.running("--auth") as host:
        key = current_keys(app)[1]
        host.process.kill()
        host.process.wait()
    with open(os.path.join(app.hub, "running.json")) as file:
        running = json.load(file)
    assert running["auth"] is True
    port = int(running["url"].rpartition(":")[2])
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", port)) as listener:

        def pretend() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65_536))
                    body = b'{"proof":"' + b"0" * 64 + b'","hubPath":"' + app.hub.encode() + b'"}'
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        pretender = threading.Thread(target=pretend)
        pretender.start()
        said = app("start", "approval", "--id", "two", "--input", '"a secret"')
        listener.shutdown(socket.SHUT_RDWR)
    pretender.join(10)
    assert said.code == 0, said.err  # the files took it: nobody holds the hub
    assert len(heard) == 1
    assert b"GET /dfcli/v1/challenge?nonce=" in heard[0]
    assert key.encode() not in b"".join(heard)
    assert b"secret" not in b"".join(heard)


def test_a_hub_without_keys_says_how_to_make_them(app: App) -> None:
    said = app("keys", "list")
    assert (said.code, "hint: dfcli run --auth makes them" in said.err) == (3, True)
    said = app("keys", "rotate", "everything")
    assert (said.code, "there is no scope 'everything'" in said.err) == (2, True)
    said = app("keys", "rotate", "system", "--grace", "25h")
    assert (said.code, "at most 24 hours" in said.err) == (2, True)
    assert app("keys", "rotate", "system").code == 3
