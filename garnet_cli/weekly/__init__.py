"""The weekly: placement diff, cost diff and eviction log of one ISO week, and what to do next."""
