"""Bases assembled from Debian packages: `deb:SUITE`, without a registry, a daemon, or root."""
