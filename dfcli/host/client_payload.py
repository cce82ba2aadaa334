"""The text that makes a durable client of another library: where this host answers, and in which form."""

from __future__ import annotations

import enum
from typing import Any

from dfcli.model.links import management_links


class ClientSdk(enum.StrEnum):
    """Whose client is to be made: the 1.x one for Python, which encodes inputs twice, or any other."""

    plain = "plain"
    python1 = "python1"


ADDRESSES = {ClientSdk.plain: "durabletask", ClientSdk.python1: "python1/durabletask"}
"""Below `/rpc/<token>/`."""


def client_payload(base_url: str, rpc_base_url: str, hub_name: str, *, code: str = "") -> dict[str, Any]:
    """The members of the `durableClient` binding. `base_url` is the management API's, `rpc_base_url` ends with `/`;
    `code` is the key of the links."""
    query = f"code={code}" if code else ""
    start = f"{base_url}/orchestrators/{{functionName}}[/{{instanceId}}]"
    waiting = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
    return {
        "taskHubName": hub_name,
        "connectionName": "Storage",
        "creationUrls": {
            "createNewInstancePostUri": f"{start}?{query}",
            "createAndWaitOnNewInstancePostUri": f"{start}?{waiting}{'&' if query else ''}{query}",
        },
        "managementUrls": management_links(base_url, "INSTANCEID", hub_name, code=code),
        "baseUrl": base_url,
        "httpBaseUrl": base_url,
        "requiredQueryStringParameters": query,
        "rpcBaseUrl": rpc_base_url,
    }
