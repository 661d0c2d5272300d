"""The stages put together: a project in, an image out. The rooms below do not know each other; this one knows them all.

Nothing here reads the environment or prints: what it needs of the outside world is in `World`.
"""
