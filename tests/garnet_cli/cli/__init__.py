"""Tests of garnet_cli.cli."""
