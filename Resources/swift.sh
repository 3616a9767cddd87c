#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An OpenStack Swift object store of one node on loopback that speaks S3: a second real server for trying and testing.
#
#   bash Resources/swift.sh FOLDER PORT [REGION]
#
# Everything lies in FOLDER (whose file system must have extended attributes); S3 answers at http://127.0.0.1:PORT to the
# access key "clinic:clinic" with the secret "clinic-secret". Prints "ready" when it does, and runs until it is ended.
# Needs the Debian packages swift-proxy, swift-account, swift-container and swift-object.

set -euo pipefail
(($# >= 2)) || {
  sed -n '4,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
mkdir -p "$1"
folder=$(cd "$1" && pwd)
port=$2
region=${3:-ca-central-1}
user=$(id -un)
children=()

finish() {
  trap '' INT TERM
  ((${#children[@]} == 0)) || kill -KILL "${children[@]}" 2>/dev/null || true
  wait
}
trap finish EXIT
trap 'exit 0' INT TERM

# Not from the range of the outgoing connections, any of which could take it before the server listens.
free_port() {
  perl -MIO::Socket::INET -e 'for (;;) { my $port = 10000 + int(rand(22000));
    print($port), exit if IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => $port); }'
}

mkdir -p "$folder/devices/d1" "$folder/etc" "$folder/cache"
cat >"$folder/etc/swift.conf" <<CONF
[swift-hash]
swift_hash_path_suffix = clinic
swift_hash_path_prefix = clinic
[storage-policy:0]
name = only
default = yes
[swift-constraints]
max_file_size = 5368709122
CONF

# container_update_timeout: what was stored is listed. By default Swift answers after a second although it is not yet.
declare -A ports
for kind in account container object; do
  ports[$kind]=$(free_port)
  (
    cd "$folder/etc"
    swift-ring-builder "$kind.builder" create 4 1 1
    swift-ring-builder "$kind.builder" add "r1z1-127.0.0.1:${ports[$kind]}/d1" 1
    swift-ring-builder "$kind.builder" rebalance
  ) &>>"$folder/out"
  cat >"$folder/etc/$kind-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${ports[$kind]}
workers = 0
user = $user
swift_dir = $folder/etc
devices = $folder/devices
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_address = $folder/none
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
conn_timeout = 30
node_timeout = 60
container_update_timeout = 60
CONF
done
cat >"$folder/etc/proxy-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 0
user = $user
swift_dir = $folder/etc
log_address = $folder/none
[pipeline:main]
pipeline = catch_errors cache bulk s3api tempauth copy slo symlink versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
conn_timeout = 30
node_timeout = 60
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = $region
s3_acl = false
dns_compliant_bucket_names = true
[filter:tempauth]
use = egg:swift#tempauth
user_clinic_clinic = clinic-secret .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
CONF

start() {
  SWIFT_DIR=$folder/etc setpriv --pdeathsig KILL "swift-$1-server" "$folder/etc/$1-server.conf" &>>"$folder/$1.log" &
  children+=($!)
}

# Until something speaks HTTP at a port: at most a minute.
await() {
  for ((i = 0; i < 600; i++)); do
    curl -s -o "$folder/answer" "http://127.0.0.1:$1/" && return
    kill -0 "${children[@]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "Swift does not start; see $folder" >&2
  exit 1
}

# The proxy comes last: it leaves a server alone for a minute that it could not reach, and there is but one of each.
for kind in account container object; do
  start "$kind"
done
for kind in account container object; do
  await "${ports[$kind]}"
done
start proxy
await "$port"
echo ready
wait -n
echo "One of Swift's servers ended; see $folder" >&2
exit 1
