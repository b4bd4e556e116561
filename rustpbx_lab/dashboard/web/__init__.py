"""The web server of the dashboard: login, access, sockets."""
