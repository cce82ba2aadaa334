"""The golden histories that are frozen, with their SHA-256: `tests/golden/SHA256SUMS`, in the form of `sha256sum`.

`python -m tests.replay.frozen` (`make freeze`) adds those that are not listed yet. It never changes a line: what is
listed is input for ever.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden"
SUMS = GOLDEN / "SHA256SUMS"


def listed() -> dict[str, str]:
    """Path below `tests/golden` → SHA-256 in hex."""
    lines = SUMS.read_text().splitlines() if SUMS.exists() else []
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def found() -> dict[str, str]:
    """The same, of the files as they are."""
    return {
        str(file.relative_to(GOLDEN)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(GOLDEN.rglob("*.jsonl"))
    }


def main() -> None:
    known = listed()
    lines = sorted({**found(), **known}.items())
    SUMS.write_text("".join(f"{digest}  {path}\n" for path, digest in lines))
    print(f"{len(lines) - len(known)} more golden histories are frozen, {len(lines)} in all")


if __name__ == "__main__":
    main()
