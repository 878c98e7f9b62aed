"""The inventory, the nodes and how they are reached."""
