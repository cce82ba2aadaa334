"""Looking at a web address, without a word about orchestrations."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 10.0
"""How long one look waits for an answer."""


def checked(given: Any) -> dict[str, Any]:
    """A copy of the watch's input with all its members. ValueError says what is wrong with it."""
    if not isinstance(given, dict) or not isinstance(given.get("url"), str):
        raise ValueError('the input must be {"url": address, "every_seconds": number, "for_seconds": number}')
    if urlsplit(given["url"]).scheme not in ("http", "https"):
        raise ValueError(f"{given['url']!r} is not a web address: it must begin with http:// or https://")
    state = {"every_seconds": 60, "for_seconds": 3600, "looks": 0, **given}
    for name in ("every_seconds", "for_seconds"):
        value = state[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{name} must be a number above 0, not {value!r}")
    return state


def look(url: str) -> dict[str, Any]:
    """Up is any answer below 400, redirects followed; what else was seen is told in words."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return {"is_up": True, "what": f"{answer.status} {answer.reason}"}
    except urllib.error.HTTPError as error:
        with error:
            return {"is_up": False, "what": f"{error.code} {error.reason}"}
    except urllib.error.URLError as error:
        return {"is_up": False, "what": str(error.reason)}
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"is_up": False, "what": str(error) or type(error).__name__}
