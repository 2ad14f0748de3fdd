"""DeepLIFT: the message, the rules, and the rule of every step."""
