"""The same build under circumstances that must not matter, and what differs when one of them does."""
