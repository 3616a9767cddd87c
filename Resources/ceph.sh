#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A Ceph object store of one node, in memory and on loopback: a real S3 server for trying and testing.
#
#   bash Resources/ceph.sh FOLDER PORT [REGION]
#
# Everything lies in FOLDER; S3 answers at http://127.0.0.1:PORT to the access key "clinic" with the secret
# "clinic-secret", which may ask for session tokens (STS); the key "clinic-key" encrypts (SSE-KMS). Prints "ready" when
# it does, and runs until it is ended. Needs the Debian packages ceph-mon, ceph-osd, ceph-common and radosgw; no root.

set -euo pipefail
(($# >= 2)) || {
  sed -n '5,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
mkdir -p "$1"
folder=$(cd "$1" && pwd)
port=$2
region=${3:-ca-central-1}
conf=$folder/ceph.conf
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

fsid=$(cat /proc/sys/kernel/random/uuid)
mon_port=$(free_port)
cat >"$conf" <<CONF
[global]
fsid = $fsid
mon_host = v2:127.0.0.1:$mon_port
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
run_dir = $folder
admin_socket = $folder/\$name.sock
log_file = $folder/\$name.log
pid_file = $folder/\$name.pid
mon_data = $folder/mon
osd_data = $folder/osd
osd_journal = $folder/osd/journal
osd_objectstore = memstore
memstore_device_bytes = 12884901888
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 2
osd_pool_default_pgp_num = 2
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 10000
mon_data_avail_crit = 1
rgw_data = $folder/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_region = $region
rgw_enable_usage_log = false
rgw_thread_pool_size = 64
rgw_s3_auth_use_sts = true
rgw_sts_key = sixteen-letters!
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = clinic-key=YSBrZXkgb2YgdGhpcnR5LXR3byBjaGFyYWN0ZXJzISE=
CONF
mkdir -p "$folder/mon" "$folder/osd" "$folder/rgw"

monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$folder/monmap" >/dev/null
ceph-mon -c "$conf" -i a --mkfs --monmap "$folder/monmap"
setpriv --pdeathsig KILL ceph-mon -c "$conf" -i a -f &>>"$folder/out" &
children+=($!)
osd_uuid=$(cat /proc/sys/kernel/random/uuid)
ceph -c "$conf" --connect-timeout 60 osd new "$osd_uuid" >/dev/null
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd_uuid" &>>"$folder/out"
ceph -c "$conf" osd crush add osd.0 1 root=default &>>"$folder/out"
setpriv --pdeathsig KILL ceph-osd -c "$conf" -i 0 -f &>>"$folder/out" &
children+=($!)

# The region is the zonegroup's name, which is there only after the first start of the gateway.
radosgw-admin -c "$conf" realm create --rgw-realm=clinic --default &>>"$folder/out"
radosgw-admin -c "$conf" zonegroup create --rgw-zonegroup="$region" --master --default --api-name="$region" \
  &>>"$folder/out" || radosgw-admin -c "$conf" zonegroup create --rgw-zonegroup="$region" --master --default \
  &>>"$folder/out"
radosgw-admin -c "$conf" zone create --rgw-zonegroup="$region" --rgw-zone=clinic --master --default &>>"$folder/out"
radosgw-admin -c "$conf" period update --commit &>>"$folder/out" || true
radosgw-admin -c "$conf" user create --uid=clinic --display-name=Clinic --access-key=clinic \
  --secret-key=clinic-secret --caps='user-policy=*' &>>"$folder/out"
setpriv --pdeathsig KILL radosgw -c "$conf" -n client.admin -f &>>"$folder/out" &
children+=($!)
for ((i = 0; i < 600; i++)); do
  if curl -s -o "$folder/answer" "http://127.0.0.1:$port/" && grep -q ListAllMyBucketsResult "$folder/answer"; then
    echo ready
    wait -n
    echo "One of Ceph's servers ended; see $folder" >&2
    exit 1
  fi
  kill -0 "${children[@]}" 2>/dev/null || break
  sleep 0.1
done
echo "Ceph does not start; see $folder" >&2
exit 1
