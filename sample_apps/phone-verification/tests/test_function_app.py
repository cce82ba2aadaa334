"""Run with `pytest`: activities are plain functions, and whole orchestrations run on a task hub of the test's own."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dfcli as df
import pytest

import function_app
import sms

NUMBER = "+15550100"


@pytest.fixture(autouse=True)
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Messages go into a file of the test's own, and the code is always 0042."""
    monkeypatch.setenv("SMS_PROVIDER", "console")
    monkeypatch.setenv("SMS_OUTBOX", str(tmp_path / "outbox.jsonl"))
    monkeypatch.setattr(function_app.secrets, "randbelow", lambda _: 42)
    return tmp_path / "outbox.jsonl"


def verify(tmp_path: Path, *answers: Any, number: Any = NUMBER) -> df.DurableOrchestrationStatus:
    """Start a verification and answer at once: events that arrive before they are waited for are kept in order."""

    async def to_the_end() -> df.DurableOrchestrationStatus:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            instance_id = await host.client.start_new("verify_phone", client_input=number)
            for answer in answers:
                await host.client.raise_event(instance_id, "SmsChallengeResponse", answer)
            return await host.client.wait(instance_id, timeout=30)

    return asyncio.run(to_the_end())


def test_the_right_code_verifies_the_number(tmp_path: Path, outbox: Path) -> None:
    status = verify(tmp_path, "0042")
    assert status.output == {"verified": True, "attempts": 1, "why": "the code was right"}
    assert json.loads(outbox.read_text()) == {"to": NUMBER, "text": "Your verification code is 0042"}


def test_the_third_attempt_may_still_be_right(tmp_path: Path) -> None:
    assert verify(tmp_path, "1111", "2222", "0042").output["verified"] is True


def test_three_wrong_answers_end_it(tmp_path: Path) -> None:
    status = verify(tmp_path, "1111", "2222", "3333")
    assert status.output == {"verified": False, "attempts": 3, "why": "3 wrong answers"}


def test_it_ends_when_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timedelta(seconds=90) == function_app.TIME_TO_ANSWER
    monkeypatch.setattr(function_app, "TIME_TO_ANSWER", timedelta(milliseconds=200))
    status = verify(tmp_path, "1111")
    assert status.output == {"verified": False, "attempts": 1, "why": "no right answer in time"}


def test_a_number_that_is_none_fails_without_a_second_try(tmp_path: Path, outbox: Path) -> None:
    status = verify(tmp_path, number="call me")
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Failed
    assert "'call me' is no phone number" in str(status.output)
    assert not outbox.exists()


@pytest.mark.parametrize("answer", ["0042", " 0042 ", 42])
def test_a_code_may_arrive_as_text_or_as_a_number(answer: Any) -> None:
    assert function_app.same_code(answer, "0042")


@pytest.mark.parametrize("answer", ["42", None, True, {"code": "0042"}, "zwölf"])
def test_anything_else_is_a_wrong_code(answer: Any) -> None:
    assert not function_app.same_code(answer, "0042")


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(sms.SmsRefused, match="SMS_PROVIDER is 'pigeon'"):
        sms.send(NUMBER, "hello", {"SMS_PROVIDER": "pigeon"})


def test_twilio_without_credentials_names_what_is_missing() -> None:
    with pytest.raises(sms.SmsRefused, match="TWILIO_AUTH_TOKEN, TWILIO_FROM"):
        sms.send(NUMBER, "hello", {"SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC1"})
