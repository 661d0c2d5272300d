"""Slim images: what is taken out of them, and the proof that nothing is missed."""
