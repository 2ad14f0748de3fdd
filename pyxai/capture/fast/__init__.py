"""Captured graphs made faster: each file is one speed-up, which changes results by rounding only."""
