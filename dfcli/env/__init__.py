"""`env`: the one door to clock, ids, files, threads and processes, and the interface of their simulated twins.

Nothing else in the package reads a clock, draws a random number, opens a file or starts a thread.
"""
