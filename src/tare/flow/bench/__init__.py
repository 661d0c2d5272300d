"""What `tare bench` measures: images made ready to run in, and builds."""
