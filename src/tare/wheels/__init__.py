"""Wheels: which one a target takes, what is in it, where its files land, and what it needs to run."""
