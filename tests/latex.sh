#!/usr/bin/env bash
# Install pdflatex with booktabs, for the tests of tables for papers. Needs root on Debian.
set -euo pipefail
# shellcheck source=cluster/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/apt.sh"
export DEBIAN_FRONTEND=noninteractive

command -v pdflatex >/dev/null && kpsewhich booktabs.sty >/dev/null && exit
((EUID == 0)) || { echo "latex.sh: needs root" >&2; exit 1; }
apt_get update >/dev/null
apt_get install -y --no-install-recommends texlive-latex-recommended >/dev/null
pdflatex --version | head -n 1
