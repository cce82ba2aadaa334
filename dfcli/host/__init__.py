"""`host`: joins registry, engine and storage; owns time, threads and workers."""
