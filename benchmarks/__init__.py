"""How fast the product is, and what a step costs, through its public API: `python -m benchmarks --help`.

Workloads run in a fresh process each, in process or against a real `dfcli run`, on loopback and a hub in a temporary
folder. CPU and syncs per activity are the figures that hold on a shared machine; wall-clock ones move with it.
"""
