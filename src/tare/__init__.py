"""tare: the weight of an empty container, for Python projects."""

__version__ = "0.1.0"
