"""The timeline: lanes, their headers, toolbar, what-if."""
