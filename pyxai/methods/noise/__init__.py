"""Methods made of gradients at noisy copies of the image."""
