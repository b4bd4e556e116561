"""Incoming calls: a webhook, and who may reach it."""
