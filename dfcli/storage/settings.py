"""The sizes and limits of a task hub."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Defaults suit a developer's machine and a small server alike."""

    inline_bytes_max: int = 64 * 1024
    """Longer payloads become blobs."""
    batch_bytes_max: int = 4 * 1024 * 1024
    batch_lines_max: int = 8_192
    segment_bytes: int = 64 * 1024 * 1024
    compact_bytes: int = 256 * 1024 * 1024
    """Journal bytes after which a compaction is due."""
    compact_seconds: float = 300.0
    """Age of the oldest journal data after which a compaction is due."""
    keep_executions: int = 3
    """Generations of one run that are kept when it continues as new."""
    files_per_step: int = 512
    """History files that one ordinary file step writes at most."""
    free_bytes_min: int = 256 * 1024 * 1024
    """Below this much free space, new work from outside is refused."""
    journal_bytes_max: int = 1024 * 1024 * 1024
    """Above this much journal, since files cannot be written, new work from outside is refused."""
    crash_limit: int = 3
    """Unclean stops with the same task in flight that make it a suspect; 0: none ever is."""
    allow_network_fs: bool = False
    unsafe_permissions: bool = False
