"""Keeping processes alive: launchd on macOS, supervisord elsewhere."""
