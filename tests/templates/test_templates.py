"""A fresh app of each template passes its own tests, also under a name that is not the template's."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcli.project.scaffold import list_templates, scaffold
from tests.sample_apps.served import own_tests, served
from tests.templates.twilio import twilio


@pytest.mark.parametrize("template", [template.name for template in list_templates()])
def test_a_new_app_passes_its_own_tests(template: str, tmp_path: Path) -> None:
    made = scaffold(template, str(tmp_path / "my.app-1"))
    done = own_tests(Path(made.folder), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_app_whose_settings_name_twilio_sends_through_it(tmp_path: Path) -> None:
    app = Path(scaffold("phone-verification", str(tmp_path / "my_app")).folder)
    with twilio() as stand_in:
        busy = (503, b"")
        stand_in.answers.insert(0, busy)
        quick = (app / "function_app.py").read_text().replace("milliseconds=1_000", "milliseconds=1")
        (app / "function_app.py").write_text(quick)
        (app / "local.settings.json").write_text(
            '{"Values": {"SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret",'
            f' "TWILIO_FROM": "+15550199", "TWILIO_BASE_URL": "{stand_in.url}"}}}}'
        )
        with served(app) as host:
            links = host.start("verify_phone", "+15550100")
            host.until_a_timer_is_set()  # for the retry
            host.until_a_timer_is_set()  # for the answer
            code = stand_in.received[-1].form["Body"].split()[-1]
            host.request("POST", links["sendEventPostUri"].replace("{eventName}", "SmsChallengeResponse"), code)
            assert host.outcome(links)["output"]["verified"] is True
    assert [received.form["To"] for received in stand_in.received] == ["+15550100", "+15550100"]
    assert not (app / "outbox.jsonl").exists()
