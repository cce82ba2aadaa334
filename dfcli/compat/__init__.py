"""`compat`: unmodified Azure apps fill our registry. To drop it, delete it and what `project.load` asks of it."""
