#!/usr/bin/env bash
# Install Chromium with its driver where they are missing, and axe-core into the folder $1. Needs root on Debian.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=../cluster/apt.sh
source "$here/../cluster/apt.sh"
export DEBIAN_FRONTEND=noninteractive

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null || ! command -v npm >/dev/null; then
  ((EUID == 0)) || { echo "install.sh: needs root" >&2; exit 1; }
  apt_get update >/dev/null
  apt_get install -y --no-install-recommends chromium chromium-driver npm >/dev/null
fi
cp "$here/package.json" "$here/package-lock.json" "$1/"
cd "$1"
npm ci --ignore-scripts --no-audit --no-fund >/dev/null
