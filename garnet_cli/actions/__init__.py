"""One file a verb: the steps, in order."""
