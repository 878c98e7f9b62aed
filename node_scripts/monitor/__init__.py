"""The monitor: samples a node, spools minutes, ships them and raises alerts."""
