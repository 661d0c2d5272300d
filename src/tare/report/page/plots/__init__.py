"""Plots as SVG, drawn by matplotlib."""
