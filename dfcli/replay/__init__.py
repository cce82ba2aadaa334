"""`replay`: the debugger's brain: a recorded history in, a view of each step out; no terminal."""

from dfcli.replay.stepper import run
from dfcli.replay.view import Divergence, Frame, Replay, Step

__all__ = ["Divergence", "Frame", "Replay", "Step", "run"]
