"""From a job to a store that holds its explanations."""
