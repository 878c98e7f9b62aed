"""Alerts: rules over samples, who is told of what and when, and how it is delivered."""
