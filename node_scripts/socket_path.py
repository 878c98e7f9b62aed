"""How long the path of a unix socket may be."""

MAX_SOCKET_PATH_BYTES = 103
"""Longest unix socket path that macOS accepts (``sun_path`` is 104 with its NUL; Linux has 108)."""
