"""The text that a function of an Azure app is handed for its durable client: where this host answers, and how."""

from __future__ import annotations

from typing import Any

from dfcli.model.links import management_links


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
        "requiredQueryStringParameters": query,
        "rpcBaseUrl": rpc_base_url,
    }
