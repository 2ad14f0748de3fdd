"""Methods that make a map of an inner layer's values."""
