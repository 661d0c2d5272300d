"""Images of one project, side by side: built in every way, weighed, started."""
