"""Measurements against peers in the same run: each prints a table and writes JSON to results/."""
