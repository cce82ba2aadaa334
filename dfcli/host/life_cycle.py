"""The verbs that take an instance back, start it again, or end whole families: rewind, restart, recursive ones."""

from __future__ import annotations

import asyncio

from dfcli.errors import Unavailable
from dfcli.host.draft import Draft
from dfcli.host.entity_requests import EntityRequests
from dfcli.host.rewinding import NotSettled, Rewinding
from dfcli.model.ids import check_text
from dfcli.model.rewound import RewindReport


class LifeCycle(EntityRequests):
    """The part of the host that takes these requests."""

    async def rewind(
        self,
        instance_id: str,
        reason: str = "",
        *,
        cut: int | None = None,
        dry_run: bool = False,
        verify: bool = True,
    ) -> RewindReport:
        """Take a failed instance back to before its failure, with the sub-orchestrations that failed below it.

        Durable when it returns, unless `dry_run`. `cut` chooses the event by hand. NotFound, WrongState,
        NonDeterminismError when the code does not repeat what would be left; with `verify` False nobody looks.
        """
        self._check_can_accept()
        check_text("reason", reason)
        while True:
            rewinding = Rewinding(self.hub, self.scheduler, reason)
            try:
                await self._settled(instance_id)
                rewinding.gather(instance_id, cut)
                break
            except NotSettled:
                if self.stopped is not None or self.is_closed:
                    raise Unavailable("the host is stopping") from None
                await self.committer.barrier()
                await asyncio.sleep(0)
        if verify:
            rewinding.verify()
        if not dry_run:
            draft = Draft()
            rewinding.write(draft)
            await self._committed_draft(draft)
        return rewinding.report()
