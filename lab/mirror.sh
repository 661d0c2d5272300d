#!/bin/sh
# Prints the mirror of Debian that this machine's apt uses: the first one that has a suite's main component.
set -eu
apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(COMPONENT)' |
    awk '$1 == "Packages" && $3 == "main" && $2 !~ /security/ { print $2; found = 1; exit } END { exit !found }'
