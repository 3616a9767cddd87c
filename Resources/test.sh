#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what is missing, builds, and runs every test; the last line counts them. See --help.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=Resources/packages.sh
source Resources/packages.sh

stages=(scripts unit e2e run package asan tsan)
usage() {
  cat <<TEXT
bash Resources/test.sh [STAGE...]

Without a stage, all of them: ${stages[*]}.

  scripts  shellcheck
  unit     the unit tests, with SQLite and PostgreSQL
  e2e      the end-to-end tests: a real Orthanc, a real storescu
  run      Resources/run.sh --demo, twice
  package  the Debian packages
  asan     unit tests, and some of the end-to-end tests, with the address and undefined-behaviour sanitizers
  tsan     the unit tests with the thread sanitizer

Environment: GTEST_FILTER, as in GoogleTest, for unit and e2e; CLINIC_KILL_REPETITIONS, how often the crash tests kill
Orthanc (default 4).
TEXT
}

case ${1:-} in -h | --help) usage && exit 0 ;; esac
for stage in "$@"; do
  if [[ " ${stages[*]} " != *" $stage "* ]]; then
    usage >&2
    exit 2
  fi
done
((!$#)) || stages=("$@")

passed=0 failed=0 skipped=0
failures=()
logs=$PWD/build/test-logs
mkdir -p "$logs"
export CCACHE_DIR=${CCACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ccache}

# check NAME COMMAND... : one test that is a command; false if it fails.
check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "[  ok  ] $name"
  else
    failed=$((failed + 1))
    failures+=("$name")
    echo "[FAILED] $name"
    return 1
  fi
}

# build PRESET TARGET... : false if that fails.
build() {
  local preset=$1
  shift
  { [[ -f build/$preset/build.ninja ]] || cmake --preset "$preset"; } && cmake --build --preset "$preset" --target "$@"
}

# gtest NAME COMMAND... : a GoogleTest program, whose report says how many of its tests passed. One that dies before
# it can write the report, or that fails after its last test (a sanitizer's report), is a failure of its own.
gtest() {
  local name=$1 report=$logs/$1.json code=0 counts found_passed found_failed found_skipped
  shift
  rm -f "$report"
  timeout --kill-after=10 1500 "$@" "--gtest_output=json:$report" || code=$?
  if ! counts=$(jq -er '[.testsuites[].testsuite[] | select(.status == "RUN") |
      if .failures then "failed" elif .result == "SKIPPED" then "skipped" else "passed" end] |
      "\(map(select(. == "passed")) | length) \(map(select(. == "failed")) | length) \(map(select(. == "skipped")) | length)"' \
      "$report" 2>/dev/null); then
    counts='0 0 0'
  fi
  read -r found_passed found_failed found_skipped <<<"$counts"
  if ((found_failed)); then
    while IFS= read -r test; do
      failures+=("$name: $test")
    done < <(jq -r '.testsuites[].testsuite[] | select(.failures) | "\(.classname).\(.name)"' "$report")
  fi
  if ((code > 1 || (code == 1 && !found_failed))); then
    found_failed=$((found_failed + 1))
    failures+=("$name: ended with exit code $code")
  fi
  passed=$((passed + found_passed)) failed=$((failed + found_failed)) skipped=$((skipped + found_skipped))
}

stage_scripts() {
  check 'shellcheck' shellcheck .ci/run Resources/*.sh Resources/Samples/*.sh
}

stage_unit() {
  check 'build of the unit tests' build release UnitTests HeadersAreSelfContained || return
  gtest unit build/release/bin/UnitTests --gtest_brief=1
}

# The end-to-end tests mostly wait for something: meanwhile, what the sanitizers need is built, behind them. A failure
# shows when the stage builds it again.
background=''
build_ahead() {
  local stage presets=()
  for stage in "${stages[@]}"; do
    [[ $stage == asan || $stage == tsan ]] && presets+=("$stage")
  done
  ((${#presets[@]})) || return 0
  (
    renice -n 19 "$BASHPID" >/dev/null
    for stage in "${presets[@]}"; do
      if [[ $stage == asan ]]; then build asan all; else build tsan UnitTests; fi
    done
  ) >"$logs/build-ahead.log" 2>&1 &
  background=$!
}

stage_e2e() {
  check 'build of the end-to-end tests' build release all || return
  build_ahead
  gtest e2e build/release/bin/EndToEndTests
}

# Starts the demonstration, waits for its table, presses Ctrl-C.
demonstration() {
  local data=$1 log=$2 ports=$3 process code=0
  set -m # a process group of its own, and a Ctrl-C that it does not ignore
  # shellcheck disable=SC2086
  bash Resources/run.sh --demo --data "$data" $ports >"$log" 2>&1 &
  process=$!
  set +m
  for ((i = 0; i < 9000; i++)); do
    if ! kill -0 "$process" 2>/dev/null || grep -q '==> Running' "$log"; then
      break
    fi
    sleep 0.1
  done
  kill -INT -- "-$process" 2>/dev/null || true
  wait "$process" || code=$?
  cat "$log"
  ((code == 0)) && grep -q '==> Running' "$log" && ! grep -qE 'missing|not decided' "$log"
}

stage_run() {
  local data ports
  data=$(mktemp -d)
  ports="--http $((20000 + RANDOM % 10000)) --dicom $((30000 + RANDOM % 2000))"
  check 'run.sh --demo' demonstration "$data" "$logs/run-1.log" "$ports"
  check 'run.sh --demo a second time' demonstration "$data" "$logs/run-2.log" "$ports"
  rm -rf "$data"
}

# Makes the packages, unpacks them, and looks whether the plugins find all that they need.
debian_packages() {
  local unpacked package plugin
  rm -f build/release/*.deb
  (cd build/release && cpack) || return 1
  unpacked=$(mktemp -d)
  for package in build/release/*.deb; do
    dpkg-deb --extract "$package" "$unpacked" || return 1
  done
  if [[ ! -f $unpacked/etc/orthanc/clinic.json ]]; then
    echo 'no /etc/orthanc/clinic.json in the packages'
    return 1
  fi
  for plugin in "$unpacked"/usr/share/orthanc/plugins/libOrthancClinic*.so; do
    if ldd "$plugin" | grep 'not found'; then
      return 1
    fi
  done
  rm -rf "$unpacked"
}

stage_package() {
  check 'build of everything' build release all || return
  check 'Debian packages' debian_packages
}

stage_asan() {
  [[ -z $background ]] || wait "$background" || true
  check 'build with address and undefined-behaviour sanitizers' build asan all || return
  UBSAN_OPTIONS=print_stacktrace=1 gtest asan-unit build/asan/bin/UnitTests --gtest_brief=1
  # Debian's Orthanc is not built with the sanitizers: their libraries must be in its process before the plugins are.
  # Its own leaks at exit are not our subject.
  ORTHANC_CLINIC_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so) $PWD/build/asan/lib/libSanitizersFirst.so" \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    gtest asan-e2e build/asan/bin/EndToEndTests "--gtest_filter=${CLINIC_ASAN_FILTER:-DemoClinic.*:*BadInput*:Review.*:TwoPractices.*:QualityOfAnImage.*:AModelOnTheNetwork.SeesPixels*:CopiesInAFolder.AreThere*:Login.*:Viewer.*:OpenId.*:UploadedFiles.*:Corrections.*:IncomingWebhooks.*:LiveEvents.*}"
}

stage_tsan() {
  [[ -z $background ]] || wait "$background" || true
  check 'build with the thread sanitizer' build tsan UnitTests || return
  # GCC's runtime does not know the wide address randomisation of newer kernels.
  gtest tsan-unit setarch --addr-no-randomize build/tsan/bin/UnitTests --gtest_brief=1
}

install_packages "${run_packages[@]}" "${test_packages[@]}"
install_npm

for stage in "${stages[@]}"; do
  echo "==> $stage"
  started=$SECONDS
  "stage_$stage" || true # its failures are counted
  echo "==> $stage took $((SECONDS - started)) s"
done

if ((failed)); then
  printf 'FAILED: %s\n' "${failures[@]}"
fi
echo "==> all took $SECONDS s"
summary="$passed passed, $failed failed"
((!skipped)) || summary+=", $skipped skipped"
echo "$summary"
((failed == 0))
