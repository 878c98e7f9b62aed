"""The far end of a garnet command: JSON lines over one channel."""
