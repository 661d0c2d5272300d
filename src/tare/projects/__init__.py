"""Projects and their lockfiles, read into one resolution: a PEP 751 lock."""
