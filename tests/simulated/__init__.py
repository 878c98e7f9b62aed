"""Fleets that never were, with known truth: ``simulate`` into a store, ``simulate_totals`` in memory."""
