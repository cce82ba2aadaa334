"""`cli`: parse, call, render. One module per command, each imported only when its command is asked for."""
