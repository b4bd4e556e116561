"""What crosses the wire, and what is masked before anybody sees it."""
