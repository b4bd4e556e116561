"""The REST interface of a server."""
