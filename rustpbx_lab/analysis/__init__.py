"""Pure functions of a log: tables of what happened when."""
