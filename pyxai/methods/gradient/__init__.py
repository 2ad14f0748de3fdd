"""Methods that are a function of one gradient."""
