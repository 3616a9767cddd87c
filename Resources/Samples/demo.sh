# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The demonstration of run.sh: a small clinic is loaded through REST, its modalities send studies by C-STORE, and a
# table shows to whom they were filed. All of it can be repeated: what is there already stays as it is. Sourced by
# run.sh, which gives the function `rest METHOD PATH [FILE]`.

samples=$(dirname "${BASH_SOURCE[0]}")

# make_samples FOLDER : the sample studies as DICOM files, FOLDER/<study>/<number>.dcm
make_samples() {
  local folder=$1 study instances number
  # A picture for all of them: a bright arch on a dark ground, 128 × 128 pixels of 12 bits.
  perl -e '
    for my $y (0 .. 127) {
      for my $x (0 .. 127) {
        my $distance = abs(sqrt(($x - 64) ** 2 + (1.4 * ($y - 20)) ** 2) - 48);
        my $tooth = $distance < 12 && ($x + $y) % 16 > 2 ? 2600 - 120 * $distance : 0;
        print pack("v", int(200 + 6 * $y + $tooth));
      }
    }' >"$folder/phantom.raw"
  while read -r study instances; do
    mkdir -p "$folder/$study"
    for ((number = 1; number <= instances; number++)); do
      sed "s/@N@/$number/g" "$samples/Studies/$study.dump" >"$folder/dump"
      (cd "$folder" && dump2dcm --quiet --write-xfer-little dump "$study/$number.dcm")
    done
  done < <(jq -r '.[] | "\(.file) \(.instances)"' "$samples/studies.json")
}

# send_samples FOLDER DICOM_PORT
send_samples() {
  local folder=$1 port=$2 study calling_ae
  while read -r study calling_ae; do
    TCP_NODELAY=1 storescu --required +sd -aet "$calling_ae" -aec CLINIC 127.0.0.1 "$port" "$folder/$study"
    echo "    $calling_ae sent $study"
  done < <(jq -r '.[] | "\(.file) \(.calling_ae)"' "$samples/studies.json")
}

# Waits until each of the sample studies is decided (at most 30 s), and leaves the list in FILE.
await_decisions() {
  local file=$1 waiting
  for ((i = 0; i < 150; i++)); do
    rest GET '/api/v1/studies?limit=1000' >"$file"
    waiting=$(jq --slurpfile samples "$samples/studies.json" '
      [.items[] | select(.match.status != "pending") | .study_instance_uid] as $decided
      | [$samples[0][] | select(.study_instance_uid as $uid | $decided | index($uid) | not)] | length' "$file")
    ((waiting == 0)) && return 0
    sleep 0.2
  done
  echo "    $waiting sample studies are not decided yet" >&2
}

# The table. Widths are counted in characters as a terminal shows them (Chinese ones are two wide).
print_table() {
  local studies=$1 patients=$2
  jq -rn --slurpfile studies "$studies" --slurpfile patients "$patients" --slurpfile samples "$samples/studies.json" '
    def width: [explode[] | if . >= 11904 and . < 65536 then 2 else 1 end] | add // 0;
    def pad($n): . + ([range([$n - width, 0] | max)] | map(" ") | join(""));
    def milliseconds: (.[:19] + "Z" | fromdate) * 1000 + ((.[20:] | rtrimstr("Z")) + "000" | .[:3] | tonumber);
    def directory_name:
      (.names[0] // null) as $name
      | if $name then "\($name.family), \($name.given)" + (if $name.ideographic != "" then " \($name.ideographic)" else "" end)
        else .contact_person // .business_name // .id end
      | if . == "" then "?" else . end;
    ([$patients[0].items[] | {(.id): .}] | add // {}) as $directory
    | [["STUDY", "PATIENT AS SENT", "ID AS SENT", "DECISION", "MATCHED TO (first candidate)", "SCORE", "TIME"]]
      + [ $samples[0][] as $sample
          | ([$studies[0].items[] | select(.study_instance_uid == $sample.study_instance_uid)][0]) as $study
          | if $study == null then [$sample.what, "-", "-", "missing", "-", "-", "-"] else
              $study.match as $match
              | (if $match.status == "review" then $match.candidates[0] else null end) as $candidate
              | ($match.patient_id // $candidate.patient_id) as $patient
              | [ $sample.what,
                  ($study.patient_name // ""), ($study.patient_dicom_id // ""),
                  $match.status,
                  (if $patient == null then "-"
                   else ($directory[$patient] // {id: $patient} | directory_name)
                     | if $match.patient_id == null then "(\(.))" else . end end),
                  (($match.probability // $candidate.probability)
                   | if . == null then "-" else (. * 100000 | floor / 100000 | tostring) end),
                  (if $match.decided_at == null then "-"
                   else "\(($match.decided_at | milliseconds) - ($study.received_at | milliseconds)) ms" end) ]
            end ]
    | . as $rows
    | [range($rows[0] | length) as $column | [$rows[][$column] | width] | max] as $widths
    | $rows[] | [range(length) as $column | .[$column] | pad($widths[$column])] | join("  ")'
}

# Gives the first patients of the directory an appointment today, an hour apart, and asks for the worklist as a modality
# would.
show_worklist() {
  local folder=$1 port=$2 station
  station=$(jq -r '.calling_ae_titles[0]' "$samples/practice.json")
  jq --argjson now "$(date +%s)" '{appointments: [.patients[:4] | to_entries[] | {
      id: "demo-\(.key)", patient_id: .value.id, start: ($now + .key * 60 | todate), modality: "PX",
      procedure_text: "Panoramique"}]}' "$samples/patients.json" >"$folder/appointments.json"
  rest POST /api/v1/appointments/batch "$folder/appointments.json" >/dev/null
  echo "    The worklist of today, as $station sees it (findscu -W):"
  findscu -W -aet "$station" 127.0.0.1 "$port" -k 'SpecificCharacterSet=ISO_IR 192' -k PatientName -k PatientID \
    -k AccessionNumber -k 'ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime' \
    -k 'ScheduledProcedureStepSequence[0].Modality' 2>&1 |
    sed -nE 's/^I: .*\[(.*[^ ]) *\].* (PatientName|PatientID|AccessionNumber|ScheduledProcedureStepStartTime)$/    \2 = \1/p' || true
}

# run_demo WORK_FOLDER DICOM_PORT
run_demo() {
  local folder=$1 port=$2
  mkdir -p "$folder"
  echo '==> Demonstration: loading the clinic'
  rest PUT /api/v1/practices/default "$samples/practice.json" >/dev/null
  rest POST /api/v1/patients/batch "$samples/patients.json" |
    jq -r '([.results[].status] | group_by(.)[] | "    \(length) patients and leads \(.[0])"),
           (.results[] | select(.status == "failed") | "    \(.id): \(.error)")'
  echo '==> Demonstration: the modalities send their studies by C-STORE'
  make_samples "$folder"
  send_samples "$folder" "$port"
  await_decisions "$folder/studies.json"
  rest GET '/api/v1/patients?limit=1000' >"$folder/patients.json"
  echo
  print_table "$folder/studies.json" "$folder/patients.json"
  echo
  echo '    TIME is from the first image received to the decision (of the first run, if there were several).'
  echo
  show_worklist "$folder" "$port"
}
