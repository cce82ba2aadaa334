"""`replay`: the debugger's brain: a recorded history in, a view of each episode out; no terminal."""
