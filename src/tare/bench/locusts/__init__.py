"""What Locust runs: its own process imports this, and nothing of tare does."""
