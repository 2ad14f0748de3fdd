"""What a model's output means, and the number of it that is explained."""
