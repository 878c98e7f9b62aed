"""Tests of node_scripts/monitor."""
