"""Classical saliency maps, which look at the image and at no model."""
