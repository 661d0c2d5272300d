"""Images in registries, by the OCI distribution specification 1.1.

Registries(settings, clock)          what a run knows of registries: connections, tokens, mirrors
  .open(reference, doing=...)        a repository, to read from or to change
RegistrySource, RegistryDestination  the two sides of `tare.stores.interface`
manifests, blobs, uploads, tags, referrers, downloads
                                     the specification's endpoints, as functions of a repository
"""
