"""Whether `dfcli run` exports traces: where the setting `otel` or an OTEL_* variable asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from dfcli.cli import terminal
from dfcli.errors import AppLoadError

_ASKING = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(setting: bool, environ: Mapping[str, str]) -> bool:
    """True to export traces. Raises AppLoadError when the setting asks for them and they cannot be; where only a
    variable does, which may be meant for other programs, that is a note.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    if not setting and not any(environ.get(name) for name in _ASKING):
        return False
    try:
        from dfcli.host.otel import exporter_class

        exporter_class()
    except AppLoadError as error:
        if setting:
            raise
        terminal.say(f"note: {error.what}: {error.why}; {error.hint}")
        return False
    return True
