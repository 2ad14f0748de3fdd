"""Methods that average gradients along a path from a baseline to the image."""
