"""Methods that search for the few pixels or coefficients that keep the class score."""
