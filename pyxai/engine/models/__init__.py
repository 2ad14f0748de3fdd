"""Models by their specification, one file for each scheme."""
