"""Typed models of everything on the wire; secrets are masked before they are read."""
