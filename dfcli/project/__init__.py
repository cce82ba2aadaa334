"""`project`: the user's folder: settings, loading code, templates, hot reload."""
