"""Lockfiles of every tool, turned into a PEP 751 lock."""
