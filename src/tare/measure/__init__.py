"""Images, measured: every byte with the layer, the distribution and the kind that it belongs to."""
