"""Explanations by the attention of transformers: mathematics on a captured graph."""
