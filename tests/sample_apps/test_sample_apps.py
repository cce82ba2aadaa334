"""Each sample app on the real host, over HTTP; and each passes its own tests."""

from __future__ import annotations

import filecmp
import json
import os
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfcli.project.scaffold import list_templates, scaffold
from tests.sample_apps.served import NAMES, SAMPLE_APPS, copied, own_tests, served


def test_the_sample_app_that_no_template_makes_passes_its_own_tests(tmp_path: Path) -> None:
    """Those of the templates pass theirs in `tests/templates`; that they are the same is tested below."""
    done = own_tests(copied("order-saga", tmp_path), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("template", [template.name for template in list_templates()])
def test_the_sample_app_of_a_template_is_what_the_template_makes(template: str, tmp_path: Path) -> None:
    """After a change of a template: remove the sample app and make it again with `dfcli new`."""
    made = scaffold(template, str(tmp_path / template))
    kept = copied(template, tmp_path / "kept")
    here = sorted(str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file())
    assert here == made.files
    same, differing, _ = filecmp.cmpfiles(kept, made.folder, made.files, shallow=False)
    assert differing == []
    assert sorted(same) == made.files


def test_there_is_a_sample_app_for_each_template_and_a_saga() -> None:
    assert sorted([*(template.name for template in list_templates()), "order-saga"]) == NAMES
    assert all((SAMPLE_APPS / name / "README.md").exists() for name in NAMES)


def test_sequence_greets_three_cities_in_order(fresh_app: Callable[[str], Path]) -> None:
    with served(fresh_app("sequence")) as host:
        status = host.outcome(host.start("hello_orchestrator", None))
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == ["Hello Seattle", "Hello Tokyo", "Hello London"]


@pytest.mark.parametrize(("name", "body"), [("nobody", None), ("hello_orchestrator", "not json")])
def test_the_http_starter_answers_a_wrong_request_with_400_and_why(
    name: str, body: str | None, fresh_app: Callable[[str], Path]
) -> None:
    with served(fresh_app("sequence")) as host:
        request = urllib.request.Request(
            f"{host.url}/api/orchestrators/{name}", body.encode() if body else None, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)
        with refused.value as answer:
            assert answer.code == 400
            assert answer.read()


def folder_with_files(folder: Path, count: int) -> int:
    """Make files of many sizes, some nested; how many bytes they hold."""
    total = 0
    for number in range(count):
        place = folder / f"part{number % 7}" / f"file{number}.bin"
        place.parent.mkdir(parents=True, exist_ok=True)
        size = number * 97 % 5_000
        place.write_bytes(os.urandom(size))
        total += size
    return total


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_fan_out_fan_in_backs_up_a_folder(tmp_path: Path, fresh_app: Callable[[str], Path]) -> None:
    total = folder_with_files(tmp_path / "source", 60)
    folders = {"source": str(tmp_path / "source"), "target": str(tmp_path / "target")}
    with served(fresh_app("fan-out-fan-in")) as host:
        status = host.outcome(host.start("back_up", folders))
    assert status["output"] == {"files": 60, "bytes": total, "copied": 60, "skipped": []}
    assert content(tmp_path / "target") == content(tmp_path / "source")


def test_a_backup_that_is_killed_goes_on_and_copies_no_recorded_file_again(
    tmp_path: Path, fresh_app: Callable[[str], Path]
) -> None:
    app = fresh_app("fan-out-fan-in")
    total = folder_with_files(tmp_path / "source", 200)
    folders = {"source": str(tmp_path / "source"), "target": str(tmp_path / "target")}
    with served(app) as host:
        links = host.start("back_up", folders)
        recorded = 0
        for transition in host.transitions():
            recorded += transition.get("kind") == "activity" and transition.get("verb") == "completed"
            if recorded >= 40:
                break
        host.kill()
    before = {str(path): path.stat().st_ino for path in (tmp_path / "target").rglob("*.bin")}
    assert 39 <= len(before) <= 200, f"{len(before)} files were there when the host was killed"
    with served(app) as host:
        query = links["statusQueryGetUri"].partition("/runtime/")[2]
        status = host.outcome({"statusQueryGetUri": f"{host.url}/runtime/{query}"})
    assert (status["output"]["files"], status["output"]["bytes"]) == (200, total)
    assert content(tmp_path / "target") == content(tmp_path / "source"), "every file whole, nothing half-written left"
    after = {str(path): path.stat().st_ino for path in (tmp_path / "target").rglob("*.bin")}
    assert {path: after[path] for path in before} == before, "a finished copy was made again"


def test_a_file_that_cannot_be_copied_fails_the_backup_and_is_named(
    tmp_path: Path, fresh_app: Callable[[str], Path]
) -> None:
    folder_with_files(tmp_path / "source", 3)
    app = fresh_app("fan-out-fan-in")
    if os.geteuid():
        (tmp_path / "source" / "part0" / "file0.bin").chmod(0)
    else:  # root may read everything, but cannot put a file where a folder stands
        (tmp_path / "target" / "part0" / "file0.bin").mkdir(parents=True)
    quick = (app / "function_app.py").read_text().replace("milliseconds=1_000", "milliseconds=1")
    (app / "function_app.py").write_text(quick)
    folders = {"source": str(tmp_path / "source"), "target": str(tmp_path / "target")}
    with served(app) as host:
        status = host.outcome(host.start("back_up", folders))
        history = host.request("GET", f"{status_url(host.url, status)}?showHistory=true")["historyEvents"]
    assert status["runtimeStatus"] == "Failed"
    assert f"cannot copy {tmp_path / 'source' / 'part0' / 'file0.bin'}: " in status["output"]
    failures = [
        event for event in history if "Failed" in event["EventType"] and event["EventType"] != "ExecutionFailed"
    ]
    assert len(failures) >= 3, "the retry policy of the template: three attempts"


def status_url(base: str, status: dict[str, Any]) -> str:
    return f"{base}/runtime/webhooks/durabletask/instances/{status['instanceId']}"


def code_in(outbox: Path) -> str:
    (line,) = outbox.read_text().splitlines()
    return str(json.loads(line)["text"]).split()[-1]


def test_phone_verification_takes_the_code_that_was_sent_even_across_a_kill(fresh_app: Callable[[str], Path]) -> None:
    app = fresh_app("phone-verification")
    with served(app) as host:
        links = host.start("verify_phone", "+15550100")
        host.until_a_timer_is_set()  # the message has been sent by then
        code = code_in(app / "outbox.jsonl")
        wrong = "0000" if code != "0000" else "1111"
        host.request("POST", links["sendEventPostUri"].replace("{eventName}", "smschallengeresponse"), wrong)
        host.kill()
    with served(app) as host:
        _, _, path = links["sendEventPostUri"].partition("/runtime/")
        host.request("POST", f"{host.url}/runtime/{path}".replace("{eventName}", "SmsChallengeResponse"), code)
        _, _, path = links["statusQueryGetUri"].partition("/runtime/")
        status = host.outcome({"statusQueryGetUri": f"{host.url}/runtime/{path}"})
    assert status["output"] == {"verified": True, "attempts": 2, "why": "the code was right"}
    assert status["customStatus"] == "verified"
    assert len((app / "outbox.jsonl").read_text().splitlines()) == 1, "one message was sent, not another after the kill"


def test_the_order_saga_ships_or_leaves_nothing_behind(tmp_path: Path) -> None:
    app = copied("order-saga", tmp_path)
    order = {"item": "lamp", "quantity": 2, "card": "4111111111111111", "address": "1 High Street"}
    with served(app) as host:
        good = host.outcome(host.start("place_order", order))
        declined = host.outcome(host.start("place_order", {**order, "card": "4111111111110000"}))
        homeless = host.outcome(host.start("place_order", {**order, "address": ""}))
    assert [status["output"]["status"] for status in (good, declined, homeless)] == [
        "shipped",
        "cancelled",
        "cancelled",
    ]
    stock = json.loads((app / "shop" / "stock.json").read_text())
    assert stock["shelf"]["lamp"] == 8
    assert list(stock["reserved"]) == [good["instanceId"]]
    assert json.loads((app / "shop" / "charges.json").read_text()) == {good["instanceId"]: 15_800}
    assert list(json.loads((app / "shop" / "parcels.json").read_text())) == [good["instanceId"]]
    book = json.loads((app / "shop" / "book.json").read_text())
    assert sorted(book.values()) == ["cancelled", "cancelled", "shipped"]
