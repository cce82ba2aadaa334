"""`registry`: name → function, checked before anything runs."""
