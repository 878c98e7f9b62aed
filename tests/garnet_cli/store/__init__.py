"""Tests of garnet_cli.store."""
