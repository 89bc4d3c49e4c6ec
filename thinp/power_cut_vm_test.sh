#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Cuts the power of a guest at chosen calls of the device set, boot after boot on one disk. Each
# boot must find in order what the one before left, and everything that was reported.

set -u

kernel=$1
program=thinp/power_cut_vm_test_bin
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/power-cut.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Requests of device-mapper: 0xc138fd03 DEV_CREATE, 0xc138fd0e TARGET_MSG. A change is two messages:
# the change itself and the move of the transaction id.
points=(
  # The first start: the intent is written, nothing is in the kernel; the pool is formatted, but not
  # yet known to be.
  "start Ioctl 0xc138fd03 1"
  "start OpenFile .set.copy.tmp 2"
  # A new device: made in the pool, not in the state.
  "work OpenFile .origin.tmp 1"
  # A snapshot of an active origin: suspended only; made; recorded, but the transaction id has not
  # moved.
  "work Ioctl 0xc138fd0e 3"
  "work OpenFile .second- 1"
  "work Ioctl 0xc138fd0e 4"
  # A deletion: the thin device is gone, its state file is not; both are gone, the id has not moved.
  "work Unlink devices/first 1"
  "work Ioctl 0xc138fd0e 6"
  # Everything has been reported, and nothing is synced any more.
  "end"
  ""
)

reported=
for boot in "${!points[@]}"; do
  point=${points[$boot]}
  echo "--- boot $boot, cut at '$point'; reported so far: $reported"
  options=()
  [[ -z $point ]] || options=(--expect-hard-stop)
  # A long commit interval: what ext4 would write by itself after some seconds is not there.
  testing/vm/run --kernel "$kernel" --disk "$work/disk" --disk-size 512 "${options[@]}" \
    --file "$program:/bin/power_cut" -- sh -c '
      mount -o remount,commit=600 /scratch
      export BOOT=$1 CUT_AT=$2 REPORTED=$3
      exec power_cut' sh "$boot" "$point" "$reported" > "$work/out" < /dev/null
  status=$?
  cat "$work/out"
  if [[ $status != 0 ]]; then
    echo "boot $boot: exit status $status"
    exit 1
  fi
  reported+=$(sed -n 's/^reported / /p' "$work/out" | tr -d '\n')
done
