"""Scripts that make parts of the repository again: pages, pictures, coefficients."""
