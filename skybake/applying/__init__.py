"""A network at work: from a dataset without labels to a catalogue of predictions.

Only :mod:`network <skybake.applying.network>` and :mod:`predict <skybake.applying.predict>` import a deep-learning
framework.
"""
