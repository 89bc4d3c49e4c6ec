#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# static_test.sh PROGRAM static|dynamic: a static program needs no interpreter and no library, and
# is small. A dynamic one is built for a sanitizer only, and not measured.
set -euo pipefail

program=$1
bytes_max=$((6 * 1024 * 1024))
if [[ $2 == dynamic ]]; then
  echo "built for a sanitizer: nothing to check"
  exit 0
fi

headers=$(readelf --program-headers --wide "$program")
if grep -E '\b(INTERP|DYNAMIC)\b' <<<"$headers"; then
  echo "FAILED: $program has a dynamic section"
  exit 1
fi
if ! grep -q '\bLOAD\b' <<<"$headers"; then
  echo "FAILED: $program has nothing to load: is it a program?"
  exit 1
fi

strip -o "$TEST_TMPDIR/stripped" "$program"
bytes=$(stat --format=%s "$TEST_TMPDIR/stripped")
echo "$bytes bytes stripped, $bytes_max are allowed"
((bytes < bytes_max))
