"""Scripted telephones: SIP calls without a network."""
