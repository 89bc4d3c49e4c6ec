#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# manual_man_test.sh PROGRAM: groff, where it is installed, has no warning about the manual page.
set -uo pipefail

program=$(readlink -f "$1")
cd "$TEST_TMPDIR" || exit 1
"$program" man >dmkit.8 || exit 1
if ! command -v groff >/dev/null; then
  echo "skipped: no groff"
  exit 0
fi
groff -man -Tutf8 -ww -rLL=80n dmkit.8 >page 2>warnings || exit 1
if [[ -s warnings ]]; then
  echo "FAILED: groff warns"
  cat warnings
  exit 1
fi
# Without bold and underlined letters, which groff writes twice, or with escapes.
sed -i 's/.\x08//g; s/\x1b\[[0-9;]*m//g' page
for text in "dmkit create ID" "--parent PARENT" "dm.basesize=SIZE" "EXIT STATUS"; do
  grep -qF -- "$text" page || {
    echo "FAILED: not on the page: $text"
    exit 1
  }
done
