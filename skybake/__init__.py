"""skybake: bake-offs of neural networks on astronomical images."""

__version__ = "0.1.0"
