"""From a locked project to an image: dependencies, layers, the project itself, the documents that name them."""
