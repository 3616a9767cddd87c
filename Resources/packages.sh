# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Debian packages that run.sh and test.sh need, and how they are installed. Sourced by both.

# To build the plugins and to run Orthanc with them. (libtiff-dev: Debian 13's libdcmtk-dev names it to CMake and does
# not bring it.)
# shellcheck disable=SC2034  # read by the scripts that source this file
run_packages=(
  g++ cmake ninja-build ccache pkg-config
  orthanc-dev libsoci-dev libsqlite3-dev libpq-dev libicu-dev libfmt-dev libjsoncpp-dev nlohmann-json3-dev
  libboost-filesystem-dev libcurl4-openssl-dev libssl-dev libpugixml-dev libzip-dev libdcmtk-dev libjwt-dev libargon2-dev
  libjpeg-dev libpng-dev libtiff-dev libfreetype-dev fonts-unifont
  orthanc orthanc-dicomweb dcmtk ca-certificates curl jq
)

# To build and run the tests and the benchmarks, and to make the packages, besides those.
# shellcheck disable=SC2034
test_packages=(
  libgtest-dev libgmock-dev libvalijson-dev libboost-program-options-dev dicom3tools chromium postgresql
  orthanc-postgresql ceph-mon ceph-osd ceph-common radosgw swift-proxy swift-account
  swift-container swift-object faketime shellcheck dpkg-dev file
)

# install_packages PACKAGE... : installs those that are missing; quick when none is.
install_packages() {
  local package missing=() as_root=()
  for package in "$@"; do
    if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  ((${#missing[@]})) || return 0

  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing; install them, or run this as root: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi

  echo "==> Installing ${#missing[@]} Debian packages: ${missing[*]}"
  (
    # Debian would start Orthanc and PostgreSQL as services at once, on ports that we or others need: a policy
    # forbids it while we install. One that is already there is the administrator's and stays as it is.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
      trap '"${as_root[@]}" rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
      "${as_root[@]}" chmod 755 "$policy"
    fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "${missing[@]}"
  )
  # Nor shall a service that came only for us start with the machine.
  for package in "${missing[@]}"; do
    if [[ $package == orthanc || $package == postgresql ]] && [[ -d /run/systemd/system ]]; then
      "${as_root[@]}" systemctl disable --quiet "$package" || true
    fi
  done
}

# install_npm : npm, which the build uses to fetch the page that describes the REST API and, for the tests, Azurite (an
# Azure Blob Storage on this machine). Any npm will do; where there is none, Debian's is installed.
install_npm() {
  command -v npm >/dev/null || install_packages npm
}
