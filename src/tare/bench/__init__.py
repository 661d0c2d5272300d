"""Which image is better: measured side by side, judged with statistics."""
