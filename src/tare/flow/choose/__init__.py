"""Which base: the plan of a build made for many bases, judged without a download, and ranked."""
