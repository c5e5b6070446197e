"""Models: one file each, found by its name.

A model is a function ``build(image, scalars, **parameters)`` of Keras tensors: the image (batch, H, W, C) and the
input scalars (batch, S), or None where the dataset offers none. It returns features (batch, F); the head of the loss
makes the outputs. ``OUTPUT_ACTIVATION`` in its file, if any, is applied to the outputs. ``LIMITS`` gives the allowed
values of every parameter (:mod:`skybake.limits`).
"""
