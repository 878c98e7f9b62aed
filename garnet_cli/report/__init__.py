"""The monthly report: its figures and their form."""
