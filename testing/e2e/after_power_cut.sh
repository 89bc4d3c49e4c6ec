#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Second boot of the end-to-end test, on the same disk: everything that had been reported as done is
# there, no repair is asked for, and the store can be taken down to nothing.

set -eu
. /bin/e2e_common

for id in image web web-copy last; do
  dmkit exists "$id" || fail "$id is gone"
done
if dmkit exists db; then fail "db is back"; fi
dmkit pool check
web=$(dmkit get web)
[ "$(cat "$web/own")" = "later" ] || fail "web lost its file"
[ "$(cat "$web/last")" = "synced" ] || fail "web lost what was synced"
last=$(dmkit get last)
[ "$(cat "$last/last")" = "synced" ] || fail "last lacks its parent's file"
copy=$(dmkit get web-copy)
[ "$(cat "$copy/own")" = "of web" ] || fail "web-copy lost its file"
# The counts of the boot before do not hold any more: one put each.
for id in web last web-copy; do dmkit put "$id"; done
dmkit create after --parent last
for id in after last web-copy web image; do dmkit rm "$id"; done
dmkit --format json ls
dmkit cleanup
[ "$(dmkit dm ls)" = "No devices found" ] || fail "devices left: $(dmkit dm ls)"
[ -z "$(losetup -a)" ] || fail "loop devices left: $(losetup -a)"
