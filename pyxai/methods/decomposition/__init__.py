"""Methods of models whose score is a sum of parts, each with a map of its own."""
