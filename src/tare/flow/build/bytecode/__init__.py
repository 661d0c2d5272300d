"""Bytecode in an image: which modules have it, what it weighs, and how much sooner a container starts."""
