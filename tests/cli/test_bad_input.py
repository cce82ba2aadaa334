"""What people get wrong: each time a clear error on stderr, its exit code, no traceback, and nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from tests.cli.real import App, Said, environment

FULL_BYTES = 8 * 1024 * 1024


def check(said: Said, code: int, *texts: str) -> None:
    """An error of three parts with that exit code, and nothing on stdout."""
    assert said.code == code, said
    assert said.out == ""
    assert said.err.startswith("error: "), said.err
    assert "Traceback" not in said.err
    assert "fault of dfcli" not in said.err
    for text in texts:
        assert text in said.err, said.err


@pytest.fixture(params=["host up", "host down"])
def hosted(app: App, request: pytest.FixtureRequest) -> object:
    """The app with one ended and one waiting instance, with and without a running host."""
    with app.running() as host:
        app("start", "hello", "--id", "ended", "--wait")
        app("start", "approval", "--id", "waiting")
        if request.param == "host up":
            yield app
            return
        host.stop()
    yield app


def test_an_unknown_function(hosted: App) -> None:
    check(hosted("start", "nope"), 2, "nope", "hello", "hint: dfcli functions")


def test_a_payload_that_is_not_json(hosted: App) -> None:
    check(hosted("start", "hello", "--input", "{broken"), 2, "is not JSON")
    check(hosted("start", "hello", "--input", "Tokyo"), 2, """--input '"Tokyo"'""")
    check(hosted("start", "hello", "--input", '{"a":1,"a":2}'), 2, "twice")
    check(hosted("raise-event", "waiting", "approve", "--data", "-", stdin="nope"), 2, "is not JSON")
    check(hosted("start", "hello", "--input", "NaN"), 2, "NaN")
    assert len(hosted("list", "-o", "id").out.split()) == 2


def test_an_id_that_cannot_be_used(hosted: App) -> None:
    check(hosted("start", "hello", "--id", "a/b"), 2, "'a/b'")
    check(hosted("start", "hello", "--id", "@entity@key"), 2)
    check(hosted("status", "a#b"), 2)


def test_an_unknown_instance(hosted: App) -> None:
    for arguments in (["status"], ["inspect"], ["replay"], ["terminate"], ["suspend"], ["resume"], ["purge"]):
        check(hosted(*arguments, "nobody"), 3, "nobody")
    check(hosted("raise-event", "nobody", "approve"), 3, "nobody")


def test_a_wrong_state(hosted: App) -> None:
    check(hosted("start", "hello", "--id", "waiting"), 6, "waiting")
    for verb in ("terminate", "suspend", "resume"):
        check(hosted(verb, "ended"), 6, "ended")
    check(hosted("raise-event", "ended", "approve"), 6, "ended")
    check(hosted("purge", "waiting"), 6, "waiting")
    assert hosted("status", "waiting", "-o", "json").json()["runtimeStatus"] in ("Running", "Pending")


def test_wrong_usage(app: App) -> None:
    check(app("sttaus"), 2, "there is no command 'sttaus'", "hint: dfcli status")
    check(app("status", "--nope"), 2, "--nope", "hint: dfcli status --help")
    check(app("start"), 2, "FUNCTION")
    check(app("list", "--status", "Done"), 2, "Completed")
    check(app("list", "--since", "soon"), 2, "10m")
    check(app("list", "-o", "xml"), 2, "jsonl")
    check(app("run", "--port", "70000"), 2, "70000")
    check(app("run", "--port", "http"), 2, "http")
    check(app("run", "--workers", "-1"), 2)
    check(app("status", "--hub", "no/such"), 2, "no/such")
    check(app("start", "hello", "--timeout", "5"), 2, "--wait")


def test_a_folder_without_an_app(tmp_path: object) -> None:
    empty = App(str(tmp_path))
    os.unlink(empty.file)
    check(empty("status"), 3, "there is no app here", "dfcli new")
    check(empty("list", "-C", "nowhere"), 3, "nowhere")
    check(empty("start", "hello"), 8, "function_app.py")
    check(empty("run", "--port", "0"), 8, "function_app.py")
    check(empty("functions"), 8, "function_app.py")
    assert os.listdir(empty.folder) == []


def test_code_with_a_syntax_error_names_its_line(app: App) -> None:
    app.write("import dfcli as df\n\napp = df.DFApp(\n")
    for arguments in (["run", "--port", "0"], ["functions"], ["start", "hello"]):
        check(app(*arguments), 8, "function_app.py:3")
    assert not os.path.exists(f"{app.folder}/.dfcli")


def test_code_that_fails_to_import_names_its_line(app: App) -> None:
    app.write("import dfcli as df\nimport no_such_module\napp = df.DFApp()\n")
    check(app("run", "--port", "0"), 8, "function_app.py:2", "no_such_module")
    app.write("import dfcli as df\nprint(1 / 0)\napp = df.DFApp()\n")
    check(app("run", "--port", "0"), 8, "function_app.py:2", "ZeroDivisionError")


def test_settings_that_cannot_be_understood(app: App) -> None:
    with open(f"{app.folder}/dfcli.toml", "w") as file:
        file.write('prot = 7071\nport = "x"\n')
    check(app("status"), 8, "dfcli.toml", "port")


def test_a_port_that_is_in_use(app: App) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        check(app("run", "--port", str(port)), 4, f"port {port} is in use", "--port 0")
    assert not os.path.exists(app.hub)


def test_a_second_host_on_the_hub(app: App) -> None:
    with app.running() as host:
        check(app("run", "--port", "0"), 4, "in use", f"process {host.process.pid}")
        assert app("start", "hello", "--wait").code == 0


def test_a_hub_that_somebody_holds_who_does_not_answer(app: App) -> None:
    with app.running() as host:
        app("start", "approval", "--id", "a", "--wait", "--timeout", "0")
        os.unlink(f"{app.hub}/running.json")
        check(app("terminate", "a"), 4, f"process {host.process.pid}", "does not answer")
        assert app("status", "a", "-o", "id").out == "a\n"


def test_an_address_that_somebody_else_has_taken_since_is_not_trusted(app: App) -> None:
    app("start", "approval", "--id", "a")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        other.close()
        with open(f"{app.hub}/running.json", "w") as file:
            json.dump({"url": url, "pid": 1}, file)
        assert app("terminate", "a").out == "terminated a\n"
    for content in ("", "nonsense", '{"url": "ftp://x"}', '{"url": 7}', "[]"):
        with open(f"{app.hub}/running.json", "w") as file:
            file.write(content)
        assert app("status", "a").code == 0


def test_a_hub_of_a_newer_version(app: App) -> None:
    app("start", "approval", "--id", "a")
    path = f"{app.hub}/hub.json"
    with open(path) as file:
        identity = json.load(file)
    with open(path, "w") as file:
        json.dump({**identity, "Major": 99}, file)
    for arguments in (
        ["status"],
        ["status", "a"],
        ["list"],
        ["start", "hello"],
        ["run", "--port", "0"],
        ["purge", "a"],
    ):
        check(app(*arguments), 4, "format 99", "version")
    with open(path, "w") as file:
        json.dump(identity, file)
    assert app("status", "a").code == 0


def test_a_folder_that_is_no_hub(app: App) -> None:
    os.makedirs(app.hub)
    with open(f"{app.hub}/letter.txt", "w") as file:
        file.write("dear diary")
    check(app("run", "--port", "0"), 4, "not a hub")
    check(app("list"), 3, "no task hub")
    shutil.rmtree(f"{app.folder}/.dfcli")
    with open(f"{app.folder}/.dfcli", "w") as file:
        file.write("in the way")
    check(app("run", "--port", "0"), 4, ".dfcli")
    check(app("start", "hello"), 4, ".dfcli")


def test_a_target_for_a_new_app_that_is_taken(app: App) -> None:
    before = os.listdir(app.folder)
    check(app("new", "sequence", "."), 6)
    assert os.listdir(app.folder) == before
    check(app("new", "nope", "demo"), 3, "sequence")
    check(app("new", "sequence"), 2, "name")
    check(app("new"), 2, "sequence")


AS_NOBODY = """
import os, sys
from dfcli.cli.main import main
os.umask(0o077)
main(["start", "hello", "-C", sys.argv[1]])          # everything is imported now
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
sys.stdout.flush()
sys.stdout, sys.stderr = open(sys.argv[2], "w"), open(sys.argv[3], "w")
code = main(sys.argv[4:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""


def test_a_folder_that_may_not_be_written(app: App, tmp_path: object) -> None:
    good = App(f"{tmp_path}/good")
    out, err = f"{tmp_path}/out", f"{tmp_path}/err"
    for path in (out, err):
        with open(path, "w"):
            os.chmod(path, 0o666)
    os.chmod(app.folder, 0o555)
    folder = app.folder
    while folder != "/":  # the user that plays the stranger must get as far as the app
        folder = os.path.dirname(folder)
        if os.stat(folder).st_uid == os.geteuid():
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, good.folder, out, err, "start", "hello", "-C", app.folder],
        capture_output=True,
        text=True,
        env=environment(),
    )
    with open(out) as said, open(err) as talked:
        check(Said(done.returncode, said.read(), talked.read()), 4, ".dfcli")
    os.chmod(app.folder, 0o755)


@pytest.fixture
def small_disk(tmp_path: object) -> object:
    """A file system of a few megabytes, where one may be mounted."""
    path = f"{tmp_path}/disk"
    os.makedirs(path)
    options = ["-t", "tmpfs", "-o", f"size={FULL_BYTES}", "tmpfs", path]
    if shutil.which("mount") is None or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_a_disk_that_is_nearly_full_takes_no_new_work(app: App, small_disk: str) -> None:
    with open(f"{app.folder}/dfcli.toml", "w") as file:
        file.write(f'hub_dir = "{small_disk}"\n')
    check(app("start", "hello", "--id", "a"), 4, "space")
    assert app("status").code == 0


def test_a_disk_without_a_byte_left_is_named(app: App, small_disk: str) -> None:
    with open(f"{app.folder}/dfcli.toml", "w") as file:
        file.write(f'hub_dir = "{small_disk}"\n')
    app("start", "hello", "--id", "a")
    filler = f"{small_disk}/filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    check(app("start", "hello", "--id", "b"), 4, "space")
    check(app("run", "--port", "0"), 4, "space")
    os.unlink(filler)
    assert app("status").code == 0
