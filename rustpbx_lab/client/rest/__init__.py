"""The REST addresses of a server, over HTTP."""
