"""What runs on a node: agent, proxy, loader. Knows nothing of ``garnet_cli``."""
