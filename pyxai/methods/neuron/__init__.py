"""Methods that attribute to units of an inner layer, or through them."""
