"""Generators of input, honest and hostile: every byte of a zip, a wheel or a tar can be chosen."""
