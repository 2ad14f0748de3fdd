"""Explaining classification by image decomposition: x ≈ ψ_distinct + ψ_agnostic (Kadar & Gilboa 2023).

Generators, one for every branch, are trained against a classifier so that their images sum to x and only the
first of them holds what tells the class.
"""
