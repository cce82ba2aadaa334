"""Two hosts started at once on one hub: one wins, the other says who it is."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.real import App, Running

ROUNDS = 20


def test_of_two_hosts_started_at_once_one_wins_and_the_other_names_it(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        # Every other hub is there already: making one and opening one are raced alike.
        app = App(str(tmp_path / f"app-{number // 2}"))
        hosts = [Running(app, ("--no-watch",)) for _ in range(2)]
        try:
            winners = [host for host in hosts if host.process.stdout is not None and host.process.stdout.readline()]
            assert len(winners) == 1, [host.stderr() for host in hosts if host not in winners]
            loser = next(host for host in hosts if host is not winners[0])
            assert loser.ended() == 4
            said = loser.stderr()
            assert "is in use" in said
            assert f"process {winners[0].process.pid}" in said
            assert "Traceback" not in said
            assert winners[0].process.poll() is None
            assert os.path.exists(f"{app.hub}/hub.json")
        finally:
            for host in hosts:
                host.end()
