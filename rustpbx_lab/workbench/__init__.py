"""Use cases of the command line, without Panel."""
