"""Benchmarks: `python -m benchmarks.bench_<subject>`; each writes `results/<subject>.json`, `table` turns
them into text.
"""
