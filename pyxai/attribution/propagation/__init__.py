"""Methods that replace the backward pass, as walks over the captured graph."""
