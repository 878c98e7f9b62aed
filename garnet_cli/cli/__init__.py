"""Typer commands: parse, call one action, render."""
