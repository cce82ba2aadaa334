"""`cli`: parse, call, render: one module per command."""
