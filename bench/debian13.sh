#!/usr/bin/env bash
# A bench in a Debian 13 root file system, whose OpenSSL is 3.5:   bench/debian13.sh ROOT [BENCH [MIB]]   (as root; default: open 4096)
# ROOT is made if it is not there, 1.5 GiB, and stays. What is mounted in it is mounted in a namespace of its own and goes with it.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"
. scripts/sdk.sh
. scripts/debian-packages.sh

root=${1:?usage: bench/debian13.sh ROOT [BENCH [MIB]]}
shift
((EUID == 0)) || { echo "A root file system is made and entered by root: sudo bench/debian13.sh ..." >&2; exit 3; }
sdk_is_there
debian_packages debootstrap:debootstrap:"makes the root file system"

if [[ ! -e $root/usr/bin/age ]]; then # the last one in
    [[ -e $root/etc/debian_version ]] || debootstrap --variant=minbase --include=openssl,ca-certificates trixie "$root" "${MIRROR:-http://deb.debian.org/debian}"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    chroot "$root" bash -ec 'export DEBIAN_FRONTEND=noninteractive; apt-get update; apt-get install -y --no-install-recommends python3-torch; apt-get install -y --no-install-recommends age'
fi
dotnet build bench/Strongroom.Benchmarks -c Release -v q

mkdir -p "$root/strongroom" "$root/usr/share/dotnet"
export root repository dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
# shellcheck disable=SC2016 # expanded inside
exec unshare --mount bash -ec '
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount --bind "$dotnet" "$root/usr/share/dotnet"
    mount --bind "$repository" "$root/strongroom"
    cd /
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 bash -c '\''
        openssl version
        exec /usr/share/dotnet/dotnet /strongroom/artifacts/bin/Strongroom.Benchmarks/release/Strongroom.Benchmarks.dll "$@"'\'' - "$@"' - "${@:-open}"
