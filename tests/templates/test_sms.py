"""The phone-verification template's SMS providers: the console's outbox, and Twilio's API on a loopback stand-in."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfcli.project.scaffold import templates_root
from tests.templates.twilio import Twilio, twilio

NUMBER = "+15550100"


@pytest.fixture(scope="module")
def sms() -> Any:
    """The template's module, under a name of its own."""
    path = os.path.join(templates_root(), "phone-verification", "sms.py")
    spec = importlib.util.spec_from_file_location("sms_of_the_template", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stand_in() -> Iterator[Twilio]:
    with twilio() as stand_in:
        yield stand_in


def settings(url: str, **more: str) -> dict[str, str]:
    credentials = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret", "TWILIO_FROM": "+15550199"}
    return {"SMS_PROVIDER": "Twilio", **credentials, "TWILIO_BASE_URL": url, **more}


def test_a_message_goes_to_twilio_as_its_api_wants_it(sms: Any, stand_in: Twilio) -> None:
    assert sms.send(NUMBER, "Your code is 0042 & more", settings(stand_in.url + "/")) == "SM1"
    (received,) = stand_in.received
    assert received.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert received.form == {"To": NUMBER, "From": "+15550199", "Body": "Your code is 0042 & more"}
    kind, _, credentials = received.authorization.partition(" ")
    assert (kind, base64.b64decode(credentials)) == ("Basic", b"AC1:secret")


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_twilio_refuses_is_refused_in_its_own_words(sms: Any, stand_in: Twilio, status: int) -> None:
    stand_in.refuse(status, "The 'To' number is not a valid phone number.", 21211)
    with pytest.raises(sms.SmsRefused, match=r"not a valid phone number\. \(code 21211\)"):
        sms.send(NUMBER, "hello", settings(stand_in.url))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_not_sent_and_may_be_tried_again(sms: Any, stand_in: Twilio, status: int) -> None:
    stand_in.refuse(status, "Too Many Requests", 20429)
    with pytest.raises(sms.SmsNotSent, match="Too Many Requests"):
        sms.send(NUMBER, "hello", settings(stand_in.url))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"\xff"])
def test_an_answer_that_is_not_twilios_is_not_sent(sms: Any, stand_in: Twilio, body: bytes) -> None:
    stand_in.answers = [(200, body)]
    with pytest.raises(sms.SmsNotSent, match="no answer from Twilio"):
        sms.send(NUMBER, "hello", settings(stand_in.url))
    stand_in.answers = [(500, body)]
    with pytest.raises(sms.SmsNotSent, match="HTTP status 500"):
        sms.send(NUMBER, "hello", settings(stand_in.url))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_credentials_do_not_follow_a_redirect(sms: Any, stand_in: Twilio, status: int) -> None:
    stand_in.answers = [(status, b"")]
    with pytest.raises(sms.SmsRefused, match=f"HTTP status {status}"):
        sms.send(NUMBER, "hello", settings(stand_in.url))
    assert len(stand_in.received) == 1


def test_a_provider_that_cannot_be_reached_is_not_sent(sms: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(sms.SmsNotSent, match="no answer from Twilio"):
        sms.send(NUMBER, "hello", settings(f"http://127.0.0.1:{port}"))


def test_the_token_stands_in_no_message(sms: Any, stand_in: Twilio) -> None:
    stand_in.refuse(401, "Authenticate", 20003)
    with pytest.raises(sms.SmsRefused) as refused:
        sms.send(NUMBER, "hello", settings(stand_in.url))
    assert "secret" not in str(refused.value)


def test_the_console_writes_one_line_per_message(sms: Any, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox.jsonl"
    for text in ("first", "grüße\nzwei"):
        assert sms.send(NUMBER, text, {"SMS_OUTBOX": str(outbox)}) == "console"
    lines = [json.loads(line) for line in outbox.read_text(encoding="utf-8").splitlines()]
    assert lines == [{"to": NUMBER, "text": "first"}, {"to": NUMBER, "text": "grüße\nzwei"}]


@pytest.mark.parametrize(
    "number", [None, 15550100, "", "15550100", "+1555 0100", "+1", "+15550100\n", "+１５５５０１００"]
)
def test_what_is_no_phone_number_is_refused_before_anything_is_sent(sms: Any, number: Any, tmp_path: Path) -> None:
    with pytest.raises(sms.SmsRefused, match="is no phone number"):
        sms.send(number, "hello", {"SMS_OUTBOX": str(tmp_path / "outbox.jsonl")})
    assert os.listdir(tmp_path) == []
