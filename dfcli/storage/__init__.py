"""`storage`: journal, history files and index on disk: bytes and fsync, no orchestration."""
