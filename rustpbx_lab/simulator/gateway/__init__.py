"""Local synthesis and recognition in the shape of providers, for a real server."""
