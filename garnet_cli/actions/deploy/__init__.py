"""The careful way to bring the fleet to the inventory: one node at a time, watched, and back again."""
