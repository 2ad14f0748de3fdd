"""Layer-wise relevance propagation: the message, the rules, and the rule of every step."""
