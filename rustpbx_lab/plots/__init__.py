"""Tables in, Bokeh figures out."""
