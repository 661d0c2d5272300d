"""Which base: what each would give, as values, ranked and explained; and a gate."""
