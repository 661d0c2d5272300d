"""The language of Dockerfiles, with the place of every word.

https://docs.docker.com/reference/dockerfile/, and where that is silent, what BuildKit's frontend does. What BuildKit
would refuse becomes a `Problem`, and reading goes on.
"""
