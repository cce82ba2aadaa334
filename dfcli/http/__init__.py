"""`http`: Azure-shaped management API, HTTP triggers and the client that speaks it."""
