"""Where randomness comes from: new ids and salts, all from one place, so that a simulation can repeat them."""

from __future__ import annotations

import random
import secrets
from typing import Protocol


class Ids(Protocol):
    def new_id(self) -> str:
        """32 lower-case hex digits, never handed out before."""
        ...

    def token(self) -> str:
        """A secret that cannot be guessed: 32 bytes as base64url."""
        ...


class RandomIds:
    """Ids from the system's source of randomness."""

    def new_id(self) -> str:
        return secrets.token_hex(16)

    def token(self) -> str:
        return secrets.token_urlsafe(32)


class SeededIds:
    """The same ids again for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def new_id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def token(self) -> str:
        return f"{self._random.getrandbits(256):064x}"
