#!/bin/sh
# Makes the root file system of a replica of an official image of Debian: trixie, with its own CPython 3.13 and pip.
#
#   sh lab/debian.sh slim|full FILE.tar     as root
#
# Official images compile CPython themselves, with PGO and LTO, as Debian does. `full` has what `buildpack-deps` has.
# Like there, no bytecode is shipped, and pip may install into the system.
set -eu

kind=$1
result=$2
here=$(cd "$(dirname "$0")" && pwd)

packages=python3,python3-venv,libpython3-stdlib,ca-certificates,netbase,tzdata
if [ "$kind" = full ]; then
    packages=$packages,autoconf,automake,bzip2,default-libmysqlclient-dev,dpkg-dev,file,g++,gcc,imagemagick,libbz2-dev
    packages=$packages,libc6-dev,libcurl4-openssl-dev,libdb-dev,libevent-dev,libffi-dev,libgdbm-dev,libglib2.0-dev
    packages=$packages,libgmp-dev,libjpeg-dev,libkrb5-dev,liblzma-dev,libmagickcore-dev,libmagickwand-dev
    packages=$packages,libmaxminddb-dev,libncurses-dev,libpng-dev,libpq-dev,libreadline-dev,libsqlite3-dev,libssl-dev
    packages=$packages,libtool,libwebp-dev,libxml2-dev,libxslt1-dev,libyaml-dev,make,patch,unzip,xz-utils,zlib1g-dev
    packages=$packages,git,mercurial,openssh-client,subversion,procps,curl,wget,gnupg,sq,tk-dev,uuid-dev,python3-dev
fi

mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='chroot "$1" sh -c "wheel=\$(echo /usr/share/python-wheels/pip-*.whl);
        python3 \$wheel/pip install --quiet --no-index --break-system-packages --root-user-action=ignore \$wheel"' \
    --customize-hook='rm -f "$1"/usr/lib/python3.*/EXTERNALLY-MANAGED' \
    --customize-hook='ln -sf /usr/bin/python3 "$1/usr/local/bin/python3"; ln -sf python3 "$1/usr/local/bin/python"' \
    --customize-hook='find "$1/usr" -depth -type d -name __pycache__ -exec rm -rf {} +' \
    trixie "$result.part.tar" "$(sh "$here/mirror.sh")"
mv "$result.part.tar" "$result"
