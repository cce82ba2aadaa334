"""fan-out-fan-in: back up a folder. Each file is copied by its own activity; the sizes are added up at the end."""

from collections.abc import Generator
from typing import Any

import dfcli as df
from dfcli import HttpRequest, HttpResponse

import copying

app = df.DFApp()

RETRY = df.RetryOptions(
    first_retry_interval_in_milliseconds=1_000,
    max_number_of_attempts=3,
)
"""A file that cannot be copied is tried three times, after pauses of one second."""


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: HttpRequest, client: df.DurableOrchestrationClient) -> HttpResponse:
    """Start an instance over HTTP; the answer holds the links to follow it."""
    try:
        client_input = req.get_json() if req.get_body() else None
        instance_id = await client.start_new(req.route_params["functionName"], client_input=client_input)
    except Exception as error:  # no JSON, or refused by the host: the client says it in plain exceptions
        return HttpResponse(str(error), status_code=400)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def back_up(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Input: {"source": folder, "target": folder}. Output: how many files and bytes the target now holds of it."""
    folders = yield context.call_activity(list_files, context.get_input())
    context.set_custom_status(f"copying {len(folders['files'])} files")
    copies = yield context.task_all(
        [
            context.call_activity_with_retry(
                copy_file,
                RETRY,
                {
                    "source": folders["source"],
                    "target": folders["target"],
                    "path": path,
                    "run": context.instance_id,
                },
            )
            for path in folders["files"]
        ]
    )
    return {
        "files": len(copies),
        "bytes": sum(copy["bytes"] for copy in copies),
        "copied": sum(copy["copied"] for copy in copies),
        "skipped": folders["skipped"],
    }


@app.activity_trigger(input_name="folders")
def list_files(folders: Any) -> dict[str, Any]:
    """The regular files below the source, relative to it; what is neither file nor folder is listed as skipped."""
    return copying.list_files(folders)


@app.activity_trigger(input_name="job")
def copy_file(job: dict[str, str]) -> dict[str, Any]:
    """Copy one file. May run twice, as any activity may: a finished identical copy is left as it is."""
    return copying.copy_file(job["source"], job["target"], job["path"], run=job["run"])
