"""Models and traffic for a fleet on one machine."""
