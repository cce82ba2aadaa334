"""dfcli: Durable Functions on one machine. The public names for app authors; all else is internal."""
