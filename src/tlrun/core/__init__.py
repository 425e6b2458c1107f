"""The nouns every other room speaks: problem, objective, metrics, options, errors, notes.

It imports no other room, and no torch at the top of a module.
"""
