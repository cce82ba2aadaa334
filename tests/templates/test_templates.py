"""A fresh app of each template passes its own tests, also under a name that is not the template's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfcli.project.scaffold import Sdk, list_templates, scaffold
from tests.sample_apps.served import own_tests, served
from tests.templates.twilio import twilio


@pytest.mark.parametrize("sdk", list(Sdk))
@pytest.mark.parametrize("template", [template.name for template in list_templates()])
def test_a_new_app_passes_its_own_tests(template: str, sdk: Sdk, tmp_path: Path) -> None:
    made = scaffold(template, str(tmp_path / "my.app-1"), sdk)
    done = own_tests(Path(made.folder), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("template", [template.name for template in list_templates()])
def test_the_code_for_azure_differs_in_its_import_lines_alone(template: str, tmp_path: Path) -> None:
    (tmp_path / "azure").mkdir()
    ours = Path(scaffold(template, str(tmp_path / "app")).folder)
    azures = Path(scaffold(template, str(tmp_path / "azure" / "app"), Sdk.azure).folder)
    for path in ours.rglob("*.py"):
        before = path.read_text().splitlines()
        after = (azures / path.relative_to(ours)).read_text().splitlines()
        differing = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        assert all(line.startswith(("import ", "from ")) for pair in differing for line in pair), differing
    code = (azures / "function_app.py").read_text()
    assert "dfcli" not in code
    assert "import azure.durable_functions as df" in code


def test_an_app_for_azure_has_the_files_that_azure_needs(tmp_path: Path) -> None:
    folder = Path(scaffold("phone-verification", str(tmp_path / "app"), Sdk.azure).folder)
    assert json.loads((folder / "host.json").read_text())["version"] == "2.0"
    local = json.loads((folder / "local.settings.json").read_text())["Values"]
    assert (local["FUNCTIONS_WORKER_RUNTIME"], local["SMS_PROVIDER"]) == ("python", "console")
    required = (folder / "requirements.txt").read_text().split()
    assert any(line.startswith("azure-functions-durable") for line in required)
    assert "local.settings.json" in (folder / ".gitignore").read_text().split()
    assert "## Azure" in (folder / "README.md").read_text()
    assert "SMS_PROVIDER" not in (folder / "dfcli.toml").read_text()


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
