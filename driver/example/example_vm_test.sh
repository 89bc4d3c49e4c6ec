#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The host program in a guest: what it says, that dmkit knows its layers, and that a second run says
# what is wrong.
set -u
cd /scratch || exit 1
failed=0
fail() {
  echo "FAILED: $*"
  cat /tmp/out /tmp/err
  failed=1
}

host_program /scratch/store > /tmp/out 2> /tmp/err || fail "exit status $?"
[ "$(cat /tmp/out)" = "/scratch/store/mnt/web/rootfs has what image had" ] || fail "another answer"
dmkit --root store inspect web > /tmp/out 2> /tmp/err || fail "dmkit does not know the layer"
grep -q "^Parent: image$" /tmp/out || fail "another parent"
host_program /scratch/store > /tmp/out 2> /tmp/err && fail "image could be made twice"
grep -q "host_program: ALREADY_EXISTS" /tmp/err || fail "no word about it"
host_program > /tmp/out 2> /tmp/err && fail "no root is no error"
dmkit --root store cleanup > /tmp/out 2> /tmp/err || fail "cleanup"

exit $failed
