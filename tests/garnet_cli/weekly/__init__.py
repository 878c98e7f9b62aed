"""Tests of the weekly."""
