#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# End to end through the binary, over a power cut, in two boots on one disk:
# `power_cut_test.sh KERNEL`.

set -u
kernel=$1
disk=${TEST_TMPDIR:?}/disk

boot() {
  local script=$1
  shift
  testing/vm/run --kernel "$kernel" --disk "$disk" --file driver/cli/dmkit:/bin/dmkit \
    --file testing/e2e/e2e_common:/bin/e2e_common --file "testing/e2e/$script:/bin/$script" \
    "$@" -- "$script"
}

boot before_power_cut.sh --expect-hard-stop || exit 1
boot after_power_cut.sh || exit 1
