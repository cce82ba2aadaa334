"""schemathesis against a running host: what the OpenAPI document says is so, and nothing ends in a 5xx."""

from __future__ import annotations

from tests.http.fuzzing import fuzz

SEED = 1


def test_the_running_host_does_what_its_document_says() -> None:
    ran = fuzz(3, SEED)
    assert ran.returncode == 0, ran.stdout
    assert "Tested: 47" in ran.stdout, "another count of operations: say it here, so that none gets lost"
    assert "error" not in ran.stdout.partition("Test cases:")[2].lower(), ran.stdout
