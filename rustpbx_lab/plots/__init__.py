"""Bokeh figures from tables."""
