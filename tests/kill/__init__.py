"""The real host, killed with `kill -9` at random moments under mixed load, and judged by what its clients saw.

`scenarios` says what is asked of the host and what must come of it, `client` asks and keeps a log of its own, `host`
starts and kills the process, `judge` compares log and effects with each other, `campaign` puts them together.
"""
