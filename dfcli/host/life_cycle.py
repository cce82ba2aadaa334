"""The verbs that take an instance back, start it again, or end whole families: rewind, restart, recursive ones."""

from __future__ import annotations

import asyncio

from dfcli.errors import Unavailable, WrongState
from dfcli.host.draft import Draft
from dfcli.host.entity_requests import EntityRequests
from dfcli.host.requests import PURGES_AT_ONCE, not_found
from dfcli.host.rewinding import NotSettled, Rewinding, terminate
from dfcli.host.starting import Starting
from dfcli.model.ids import check_text
from dfcli.model.query import InstanceFilter
from dfcli.model.rewound import RewindReport
from dfcli.model.status import InstanceSummary


class LifeCycle(EntityRequests, Starting):
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

    async def terminate(self, instance_id: str, reason: str = "", *, recursive: bool = False) -> None:
        """End a live instance without running its code again; `recursive`: with the sub-orchestrations that live below
        it, in one transaction. NotFound, InstanceGone."""
        if not recursive:
            await super().terminate(instance_id, reason)
            return
        self._check_can_accept()
        check_text("reason", reason)
        await self._live(instance_id)
        draft = Draft()
        terminate(self.scheduler, instance_id, reason, draft)
        await self._committed_draft(draft)

    async def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        """Remove an ended instance with all its executions, `recursive`: and with the sub-orchestrations below it; how
        many. NotFound, WrongState when one of them lives: then nothing is removed."""
        if not recursive:
            return await super().purge(instance_id)
        self._check_can_accept()
        summary = await self._settled(instance_id)
        if summary is None:
            raise not_found(instance_id)
        family = await self._family(summary)
        live = next((member for member in family if member.is_live and not member.quarantined), None)
        if live is not None:
            raise WrongState(
                f"Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{live.instance_id} has status {live.status}",
                hint=f"dfcli terminate --recursive {instance_id}",
            )
        for start in range(0, len(family), PURGES_AT_ONCE):
            await self._purge(family[start : start + PURGES_AT_ONCE])
        return len(family)

    async def _family(self, summary: InstanceSummary) -> list[InstanceSummary]:
        """An instance and every sub-orchestration below it that is still there, children before their parents."""
        found = {summary.instance_id: summary}
        for member in (order := [summary]):
            continuation = ""
            while True:
                which = InstanceFilter(parent_id=member.instance_id)
                page = self.hub.query(which, top=PURGES_AT_ONCE, continuation=continuation)
                for child in page.items:
                    settled = await self._settled(child.instance_id)
                    if settled is not None and child.instance_id not in found:
                        found[child.instance_id] = settled
                        order.append(settled)
                continuation = page.continuation
                if not continuation:
                    break
        return order[::-1]
