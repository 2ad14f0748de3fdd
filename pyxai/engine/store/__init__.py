"""The store of a run: written, read back, drawn."""
