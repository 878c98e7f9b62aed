"""The operator's side of the store: compaction, queries, export, sync."""
