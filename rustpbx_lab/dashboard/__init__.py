"""The Panel application: pages over the calls of a hub."""
