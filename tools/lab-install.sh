#!/bin/sh
# Installs from Debian what the tests run beside tare: engines, a registry, and independent readers of images.
#
#   sh tools/lab-install.sh            does nothing, quickly, when all of it is there
#
# Without root, or on another system, it says what is missing and which tests will therefore be skipped. Exit code 1 means
# that something is missing still; the tests say the same, each for itself.
set -u

PATH="$PATH:/usr/sbin:/sbin"

# program         package           what is skipped without it
wanted='
dockerd           docker.io         tests with a Docker Engine
docker            docker.io         tests with a Docker Engine
podman            podman            tests with podman
runc              runc              tests with podman
buildah           buildah           a test that buildah reads our layouts
skopeo            skopeo            tests that skopeo reads and copies our images
umoci             umoci             tests that umoci unpacks our images
docker-registry   docker-registry   tests with a registry
iptables          iptables          networks of containers that podman runs
busybox           busybox-static    tests that run containers
mmdebstrap        mmdebstrap        tests with bases of Debian
qemu-aarch64-static qemu-user-static  tests of images for other processors
qemu-x86_64-static  qemu-user-static  tests that processors do not show in our bytes
chromium          chromium          tests that open reports in a browser
pg_createcluster  postgresql        benchmarks with a database
qemu-img          qemu-utils        the replica of Alpine
sshd              openssh-server    tests of benchmarks on several machines
faketime          faketime          tests that no clock shows in our bytes
strace            strace            tests that kill a writer at each of its steps
setpriv           util-linux        tests without some of the powers of root
'

missing() {
    printf '%s' "$wanted" | while read -r program package skipped; do
        if [ -n "$program" ] && ! command -v "$program" >/dev/null 2>&1; then
            printf '%s %s %s\n' "$program" "$package" "$skipped"
        fi
    done
}

lacking=$(missing)
[ -z "$lacking" ] && exit 0

packages=$(printf '%s\n' "$lacking" | cut -d ' ' -f 2 | sort -u | tr '\n' ' ')
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing from Debian: $packages"
    # A list of packages that is too old names files that are gone; one that is there mostly does for a while.
    log=$(mktemp)
    install="apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0"
    # Nothing is started: tests start what they need, on sockets of their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
        trap 'rm -f "$policy" "$log"' EXIT INT TERM
    else
        trap 'rm -f "$log"' EXIT INT TERM
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # lists of words
    $install $packages >"$log" 2>&1 ||
        { apt-get update >"$log" 2>&1 && $install $packages >>"$log" 2>&1; } ||
        # One package that this release does not have must not keep the others away.
        for package in $packages; do $install "$package" >>"$log" 2>&1 || tail -n 2 "$log"; done
    lacking=$(missing)
    [ -z "$lacking" ] && exit 0
else
    echo "as root on Debian or Ubuntu this would be installed: $packages"
fi

printf '%s\n' "$lacking" | while read -r program _ skipped; do
    echo "skipped: $skipped (there is no \`$program\`)"
done
exit 1
