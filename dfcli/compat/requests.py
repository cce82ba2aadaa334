"""What triggers hand to functions, in the types of the package `azure-functions`."""

from __future__ import annotations

from typing import Any

from dfcli.authoring.http import HttpRequest
from dfcli.authoring.timer import TimerRequest


def http_request(request: HttpRequest) -> Any:
    """The request of an HTTP function."""
    from azure.functions import HttpRequest as AzureHttpRequest

    return AzureHttpRequest(
        request.method,
        request.url,
        headers=request.headers,
        params=request.params,
        route_params=request.route_params,
        body=request.get_body(),
    )


def timer_request(request: TimerRequest) -> Any:
    """The run of a timer function."""
    from azure.functions.timer import TimerRequest as AzureTimerRequest

    return AzureTimerRequest(
        past_due=request.past_due, schedule_status=request.schedule_status, schedule=request.schedule
    )
