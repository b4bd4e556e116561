"""The sidebar: connection, options, other calls."""
