"""Sending a text message through the provider named in `SMS_PROVIDER`: the console, or Twilio.

The settings are environment variables: `[app]` in dfcli.toml, `Values` in local.settings.json, or the shell's.
"""

import base64
import json
import logging
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

TWILIO_URL = "https://api.twilio.com"
TIMEOUT_SECONDS = 10.0

log = logging.getLogger("sms")


class SmsRefused(Exception):
    """The message will not be taken, however often it is sent: a bad number, bad credentials, bad settings."""


class SmsNotSent(Exception):
    """The provider could not be reached or failed; sending again may help."""


def send(number: object, text: str, settings: Mapping[str, str] = os.environ) -> str:
    """The provider's id of the message. Raises SmsRefused or SmsNotSent."""
    if not isinstance(number, str) or not re.fullmatch(r"\+[0-9]{6,15}", number):
        raise SmsRefused(f"{number!r} is no phone number: write it like +15550100")
    provider = settings.get("SMS_PROVIDER", "console").strip().lower()
    if provider == "console":
        return to_console(number, text, settings)
    if provider == "twilio":
        return to_twilio(number, text, settings)
    raise SmsRefused(f"SMS_PROVIDER is {provider!r}; it can be console or twilio")


def to_console(number: str, text: str, settings: Mapping[str, str]) -> str:
    """Send nothing: the message goes to the host's log and into the outbox, one JSON object per line."""
    outbox = settings.get("SMS_OUTBOX") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "outbox.jsonl")
    log.info("SMS to %s: %s", number, text)
    with open(outbox, "a", encoding="utf-8") as file:
        file.write(json.dumps({"to": number, "text": text}) + "\n")
    return "console"


def to_twilio(number: str, text: str, settings: Mapping[str, str]) -> str:
    """One request to Twilio's REST API."""
    missing = [n for n in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM") if not settings.get(n)]
    if missing:
        raise SmsRefused(f"Twilio needs the settings {', '.join(missing)}")
    account, token = settings["TWILIO_ACCOUNT_SID"], settings["TWILIO_AUTH_TOKEN"]
    base = settings.get("TWILIO_BASE_URL") or TWILIO_URL
    form = {"To": number, "From": settings["TWILIO_FROM"], "Body": text}
    request = urllib.request.Request(
        f"{base.rstrip('/')}/2010-04-01/Accounts/{urllib.parse.quote(account, safe='')}/Messages.json",
        data=urllib.parse.urlencode(form).encode(),
        headers={"Authorization": "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()},
        method="POST",
    )
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return str(json.loads(answer.read())["sid"])
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error.code, error.read()) from None
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:  # no connection, or another's answer
        raise SmsNotSent(f"no answer from Twilio: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the credentials to wherever it points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _refusal(status: int, body: bytes) -> Exception:
    """Twilio's own words, when it sent some. Too many requests (429) and its own failures (5xx) may pass."""
    try:
        told = json.loads(body)
        why = f"{told['message']} (code {told.get('code')})"
    except (ValueError, KeyError, TypeError):
        why = f"HTTP status {status}"
    kind = SmsNotSent if status == 429 or status >= 500 else SmsRefused
    return kind(f"Twilio did not take the message: {why}")
