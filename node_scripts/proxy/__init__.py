"""The data plane: the one network face of a node."""
