"""What runs at the operator's: inventory, actions, judgement, terminal."""

__version__ = "0.1.0"
