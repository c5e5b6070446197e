#!/usr/bin/env bash
# Install Apptainer on a Debian release that does not carry it. Needs root.
# The program comes from Debian's unstable suite, from the mirror that this machine uses already, and the libraries that
# it needs newer than the release's lie beside it in /opt/apptainer-libs: nothing of the system is replaced.
set -euo pipefail
# shellcheck source=apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

die() { echo "apptainer.sh: $*" >&2; exit 1; }
((EUID == 0)) || die "needs root"
export DEBIAN_FRONTEND=noninteractive
libs=/opt/apptainer-libs work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { "$@" >>"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; die "failed: $*"; }; }

install() {
  local uri signed suite name program interpreter
  run apt_get update
  run apt_get install -y --no-install-recommends squashfuse fuse3 fuse-overlayfs squashfs-tools uidmap fakeroot patchelf
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  uri=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
    awk -v suite="$suite" '$1 == suite && $2 == "main" { print $3; exit }')
  [[ -n $uri ]] || die "no apt source for $suite main"
  signed=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -e $signed ]] && signed="[signed-by=$signed] " || signed=
  echo "deb $signed$uri sid main" >"$work/sid.list"
  mkdir -p "$work/lists/partial" "$work/debs"
  local sid=(-o Dir::Etc::sourcelist="$work/sid.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o Acquire::Languages=none -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=no)
  run apt_get "${sid[@]}" update
  (cd "$work/debs" && run apt_get "${sid[@]}" download apptainer libc6 libseccomp2 libsqlite3-0)
  for deb in "$work"/debs/*.deb; do
    name=$(dpkg-deb -f "$deb" Package)
    mkdir "$work/$name" && dpkg-deb -x "$deb" "$work/$name"
  done
  rm -rf "$libs" && mkdir -p "$libs"
  find "$work"/lib{c6,seccomp2,sqlite3-0} -name '*.so*' -path '*/lib/*-linux-gnu*/*' -not -path '*/gconv/*' \
    -exec cp -a -t "$libs" {} +
  interpreter=$(find "$libs" -name 'ld-linux*' | head -n 1)
  for program in usr/bin/apptainer "usr/lib/$(uname -m)-linux-gnu/apptainer/bin/starter"; do
    run patchelf --set-interpreter "$interpreter" --force-rpath --set-rpath "$libs" "$work/apptainer/$program"
  done
  cp -a "$work/apptainer/." /
}

apptainer --version >/dev/null 2>&1 || install
# In a small virtual machine root may lack capabilities that Apptainer asks for: name those that it has.
sed -i 's/^root default capabilities = .*/root default capabilities = file/' /etc/apptainer/apptainer.conf
apptainer capability add --user root "$(printf 'CAP_%s,' CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL MKNOD \
  SETFCAP SETGID SETUID SYS_CHROOT | sed 's/,$//')" 2>/dev/null
# Images are built in a user namespace (--fakeroot), which needs ids to map, and mounted by other users through FUSE.
for file in /etc/subuid /etc/subgid; do
  grep -q '^root:' "$file" 2>/dev/null || echo root:700000000:65536 >>"$file"
done
[[ ! -c /dev/fuse ]] || chmod 666 /dev/fuse
apptainer --version
