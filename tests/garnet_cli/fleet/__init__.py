"""Tests of garnet_cli.fleet."""
