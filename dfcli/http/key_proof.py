"""How a host shows that it knows the hub's key without sending it, before anybody sends it the key.

A port is no identity: after a crash another user of the machine may listen on it. So the caller sends a nonce, and the
host answers with a MAC of the nonce and of the address that it really listens on: an answer that was fetched from the
right host by a false one does not fit the address.
"""

from __future__ import annotations

import hashlib
import hmac

NONCE_CHARACTERS = range(16, 129)
_PURPOSE = b"dfcli host proof 1"


def proof_of(key: str, nonce: str, address: str) -> str:
    """What only who knows the key can say of the nonce. `address`: `127.0.0.1:7071`."""
    message = b"\0".join((_PURPOSE, nonce.encode(), address.encode()))
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def is_proof(given: str, key: str, nonce: str, address: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), proof_of(key, nonce, address).encode())
