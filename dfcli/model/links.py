"""The addresses by which a caller asks for one instance and steers it, under Durable Functions' names."""

from __future__ import annotations

from urllib.parse import quote

MANAGEMENT_PATH = "/runtime/webhooks/durabletask"
"""Where Durable Functions serves its API; clients have it built in."""


def management_links(base: str, instance_id: str, hub_name: str, *, flags: str = "", code: str = "") -> dict[str, str]:
    """The links of the check-status answer below `base`; `{eventName}` and `{text}` are for the caller to fill in.

    `flags` is added to the query of the status link, `code` is the key that all of them carry.
    """
    instance = f"{base}/instances/{quote(instance_id, safe='')}"
    query = f"taskHub={quote(hub_name, safe='')}&connection=Storage"
    if code:
        query += f"&code={quote(code, safe='')}"
    return {
        "id": instance_id,
        "statusQueryGetUri": f"{instance}?{query}{flags}",
        "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{query}",
        "terminatePostUri": f"{instance}/terminate?reason={{text}}&{query}",
        "rewindPostUri": f"{instance}/rewind?reason={{text}}&{query}",
        "purgeHistoryDeleteUri": f"{instance}?{query}",
        "restartPostUri": f"{instance}/restart?{query}",
        "suspendPostUri": f"{instance}/suspend?reason={{text}}&{query}",
        "resumePostUri": f"{instance}/resume?reason={{text}}&{query}",
    }
