"""The nouns every other room speaks: problem, objective, options, errors. Imports nothing of tlrun,
and no torch.
"""
