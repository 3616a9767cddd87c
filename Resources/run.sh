#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what is missing, builds the plugins, and runs Orthanc with them until Ctrl-C. See --help.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=Resources/packages.sh
source "$root/Resources/packages.sh"

usage() {
  cat <<'TEXT'
bash Resources/run.sh [options]

Runs Debian's Orthanc with DICOMweb and the plugins of this bundle, for this machine only (HTTP refuses other
machines). Missing Debian packages are installed with apt (as root, or by sudo). Ctrl-C stops it.

  --demo         load a small clinic, send sample studies by C-STORE, print to whom they were matched
  --data DIR     where images, index, database and log are kept (default: ~/.local/share/orthanc-clinic)
  --http PORT    HTTP port (default 8042, or that of --config)
  --dicom PORT   DICOM port (default 4242, or that of --config)
  --config FILE  an Orthanc configuration, laid over the default one; its storage is not used (see --data)
  --no-build     run what was built before
TEXT
}

die() {
  echo "run.sh: $*" >&2
  exit 1
}

arguments=("$@")
data=${XDG_DATA_HOME:-$HOME/.local/share}/orthanc-clinic
http='' dicom='' config='' build=yes demo=no
while (($#)); do
  case $1 in
    --demo) demo=yes ;;
    --no-build) build=no ;;
    --data | --http | --dicom | --config)
      (($# >= 2)) || die "$1 needs a value"
      case $1 in
        --data) data=$2 ;;
        --http) http=$2 ;;
        --dicom) dicom=$2 ;;
        --config) config=$2 ;;
      esac
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      die "unknown option: $1"
      ;;
  esac
  shift
done
for port in "$http" "$dicom"; do
  if ! [[ $port =~ ^[0-9]{0,5}$ ]] || ((10#${port:-1} < 1 || 10#${port:-1} > 65535)); then
    die "not a port: $port"
  fi
done
[[ -z $config || -r $config ]] || die "cannot read $config"

# A shell that starts this script in the background makes it ignore Ctrl-C (SIGINT) for good: begin anew without that.
if [[ $(trap -p INT) == "trap -- '' SIGINT" ]]; then
  exec perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' bash "${BASH_SOURCE[0]}" "${arguments[@]}"
fi

# However this script ends, Orthanc ends properly before: with one signal, since a second one would cut that short.
orthanc=''
finish() {
  trap '' INT TERM HUP
  if [[ -n $orthanc ]] && kill -TERM "$orthanc" 2>/dev/null; then
    echo '==> Stopping Orthanc (a few seconds)'
    local code=0
    wait "$orthanc" || code=$?
    if ((code != 0)); then
      echo "run.sh: Orthanc did not end well ($code); its log: $log" >&2
      exit "$code"
    fi
  fi
}
trap finish EXIT
trap 'exit 0' INT TERM HUP

install_packages "${run_packages[@]}"

if [[ $build == yes ]]; then
  install_npm
  echo '==> Building (the first time takes some minutes)'
  (
    cd "$root"
    # Anew also as long as the pages could not be fetched.
    [[ -f build/run/build.ninja && -d build/run/share/orthanc-clinic/swagger-ui && -d build/run/share/orthanc-clinic/ohif ]] ||
      cmake --preset run
    cmake --build --preset run
  )
fi
shopt -s nullglob
plugins=(/usr/share/orthanc/plugins/libOrthancDicomWeb.so "$root"/build/run/plugins/libOrthancClinic*.so)
shopt -u nullglob
((${#plugins[@]} > 1)) || die 'nothing is built yet: run this without --no-build'

# The data belong to patients: nobody else on this machine may read them.
umask 077
mkdir -p "$data/storage"
data=$(cd "$data" && pwd)
exec {lock}>"$data/lock"
flock -n "$lock" || die "another run.sh uses $data (choose another folder with --data)"

# Orthanc's configuration files are JSON with comments, which jq does not read. A text may contain what looks like
# one: the first alternative steps over texts.
without_comments() {
  perl -0777 -pe 's{("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/}{defined $1 ? $1 : " "}gse' "$1"
}

# Later files win; objects are merged deeply. Of the plugins of --config, Debian's folder is left out: it would load
# DICOMweb a second time.
compose_configuration() {
  local file
  for file in "$root"/OrthancConfiguration/orthanc.json "$root"/OrthancConfiguration/clinic-*.json ${config:+"$config"}; do
    without_comments "$file" | jq -e 'if type == "object" then . else error("not an object") end' ||
      die "$file is not an Orthanc configuration"
  done | jq -s --arg storage "$data/storage" --arg http "$http" --arg dicom "$dicom" --arg share "$root/build/run/share/orthanc-clinic" \
    --arg demo "$demo" '
    reduce .[] as $file ({}; . * $file)
    | .StorageDirectory = $storage | .IndexDirectory = $storage
    | if $http != "" then .HttpPort = ($http | tonumber) else . end
    | if $dicom != "" then .DicomPort = ($dicom | tonumber) else . end
    | .Clinic.SwaggerUi //= $share + "/swagger-ui"
    | .Clinic.Viewer.Ohif //= $share + "/ohif" | .Clinic.Viewer.App //= $share + "/app"
    | if $demo == "yes" then .Clinic.Analysis.Rules |= if length > 0 then . else [{Provider: "quality"}] end else . end
    | .Plugins = $ARGS.positional
        + ((.Plugins // []) - $ARGS.positional | map(select(rtrimstr("/") != "/usr/share/orthanc/plugins")))
  ' --args "${plugins[@]}"
}
compose_configuration >"$data/orthanc.json"

setting() {
  jq -r "$1" "$data/orthanc.json"
}
http=$(setting .HttpPort)
dicom=$(setting .DicomPort)
url=http://127.0.0.1:$http

for port in "$http" "$dicom"; do
  if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    die "port $port is taken, perhaps by an Orthanc that runs already (choose others with --http and --dicom)"
  fi
done

# rest METHOD PATH [FILE] : calls Orthanc, as the first of its users if it has some; the answer goes to stdout. The
# password never appears on a command line.
credentials=$(setting '.RegisteredUsers // {} | to_entries | .[0] // empty | "user = " + ("\(.key):\(.value)" | @json)')
rest() {
  local body=()
  (($# < 3)) || body=(--header 'Content-Type: application/json' --data-binary "@$3")
  curl --config - --silent --show-error --fail-with-body --noproxy '*' --max-time 60 --request "$1" \
    "${body[@]}" "$url$2" <<<"$credentials"
}

log=$data/orthanc.log
[[ ! -e $log ]] || mv -f "$log" "$log.1"
echo "==> Starting Orthanc (log: $log)"
# In a session of its own, Ctrl-C reaches only this script, which ends Orthanc properly; if the script itself is
# killed, the kernel ends Orthanc.
setsid setpriv --pdeathsig TERM /usr/sbin/Orthanc "$data/orthanc.json" >"$log" 2>&1 &
orthanc=$!

fail() {
  echo "run.sh: $1; the end of $log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}

for ((tenths = 0; ; tenths++)); do
  kill -0 "$orthanc" 2>/dev/null || fail 'Orthanc ended'
  rest GET /api/v1/health >"$data/health.json" 2>&1 && break
  ((tenths < 600)) || fail "Orthanc does not become ready: $(head -c 1000 "$data/health.json")"
  ((tenths % 50 != 49)) || echo '    waiting for Orthanc to become ready'
  sleep 0.1
done

cat <<TEXT

    Orthanc Explorer  $url/app/explorer.html
    DICOMweb          $url/dicom-web/studies
    Studies, viewer   $url/clinic
    The bundle's API  $url/api/
    Health            $url/api/v1/health
    DICOM             port $dicom, AE title $(setting .DicomAet)
    Data and log      $data

TEXT

if [[ $demo == yes ]]; then
  # shellcheck source=Resources/Samples/demo.sh
  source "$root/Resources/Samples/demo.sh"
  run_demo "$data/demo" "$dicom"
fi

echo '==> Running. Ctrl-C stops it.'
code=0
wait "$orthanc" || code=$?
fail "Orthanc ended by itself with exit code $code"
