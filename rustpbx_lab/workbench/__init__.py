"""Use cases of the command line that need several rooms, without Panel."""
