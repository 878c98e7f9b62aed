"""Tests of node_scripts/store."""
