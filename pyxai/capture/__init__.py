"""Model to graph: capture, canonical form, execution on fixed rows."""
