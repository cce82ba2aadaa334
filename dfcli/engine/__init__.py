"""`engine`: history and new events in, decisions out; the only place that knows replay.

No file, clock, thread or socket.
"""
