#!/usr/bin/env bash
# apt-get for the scripts of this folder, to be sourced.

# As apt-get, but wait for up to APT_WAIT seconds while another program holds one of apt's locks. Its own option
# DPkg::Lock::Timeout waits for dpkg's locks only, and not for those of the lists and of the archives.
apt_get() {
  local end=$((SECONDS + ${APT_WAIT:-600})) said
  until said=$(LC_ALL=C apt-get "$@" 2>&1); do
    [[ $said == *"E: Could not get lock"* ]] && ((SECONDS < end)) || { echo "$said"; return 1; }
    sleep 2
  done
  echo "$said"
}
