"""The customer's store as nodes and operators reach it: objects under deterministic keys."""
