#!/usr/bin/env bash
# Make a minimal Debian with its own Python and pip, the stand-in for docker's python:3.11-slim where no registry of
# images can be reached. Needs root and Apptainer.
#   base-image.sh BASE.sif
set -euo pipefail
# shellcheck source=apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

die() { echo "base-image.sh: $*" >&2; exit 1; }
(($# == 1)) || die "usage: base-image.sh BASE.sif"
((EUID == 0)) || die "needs root"
export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { "$@" >>"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; die "failed: $*"; }; }

command -v debootstrap >/dev/null || { run apt_get update; run apt_get install -y --no-install-recommends debootstrap; }
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
uri=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
  awk -v suite="$suite" '$1 == suite && $2 == "main" { print $3; exit }')
[[ -n $uri ]] || die "no apt source for $suite main"
root=$work/root
run debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates "$suite" "$root" "$uri"
rm -rf "${root:?}"/dev/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
  "$root"/usr/share/{doc,man,info,locale}/* "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
ln -sf /usr/bin/python3 "$root/usr/local/bin/python"
: >"$root/etc/pip.conf" # a build may bind the machine's own over it
run apptainer build --mksquashfs-args "-comp zstd -Xcompression-level 3" "$work/base.sif" "$root"
mkdir -p "$(dirname "$1")" && mv "$work/base.sif" "$1"
echo "$1: $(apptainer exec "$1" python --version), $(du -h "$1" | cut -f1)"
