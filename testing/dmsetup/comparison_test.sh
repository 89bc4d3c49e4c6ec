#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Plays the scenes with Debian's dmsetup and with ours in one boot, and compares what was seen:
# `comparison_test.sh KERNEL`, from the root of the workspace. A filter ($TESTBRIDGE_TEST_ONLY) is a
# pattern for the names of scene files, as in a shell. $DMKIT is the program, unless it is where
# Bazel puts it.

set -u

kernel=$1
here=testing/dmsetup
dmkit=${DMKIT:-driver/cli/dmkit}
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/dmsetup.XXXXXX")
trap 'rm -rf "$work"' EXIT

options=()
scenes=()
for scene in "$here"/scenes/*.scene; do
  # shellcheck disable=SC2254 -- it is a pattern
  case $(basename "$scene" .scene) in
    ${TESTBRIDGE_TEST_ONLY:-*})
      scenes+=("$scene")
      options+=("--file=$scene:/scenes/$(basename "$scene")")
      ;;
  esac
done
if ((${#scenes[@]} == 0)); then
  echo "no scene is named ${TESTBRIDGE_TEST_ONLY:-}"
  exit 1
fi
testing/vm/run --kernel "$kernel" --udev --timeout 1700 "${options[@]}" \
  --file "$here/in_guest.sh:/scenes/in_guest.sh" --file "$here/show_state:/scenes/show_state" \
  --file "/usr/sbin/dmsetup:/tools/debian/dmsetup" --file "$dmkit:/tools/dmkit/dmsetup" \
  --fetch "/results.tar:$work/results.tar" \
  -- sh /scenes/in_guest.sh plain udevd || exit
tar -x -f "$work/results.tar" -C "$work" || exit
[[ -z ${KEEP_RESULTS:-} ]] || cp -r "$work/results" "$KEEP_RESULTS"
"$here/compare.py" "$work/results" "$here/differences" "${scenes[@]}"
