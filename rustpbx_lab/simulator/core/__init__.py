"""Clock, wire format and query of the stand-in."""
