#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# First boot of the end-to-end test, in the guest: a store is made and used, and then the power goes
# without any clean-up. after_power_cut.sh looks at what is left.

set -eu
. /bin/e2e_common

refuses() {
  expected=$1
  shift
  status=0
  "$@" > /tmp/out 2> /tmp/err || status=$?
  [ "$status" = "$expected" ] || fail "exit status $status, not $expected, of: $* ($(cat /tmp/err))"
}

# ---- A chain of layers, one of them snapshotted while it is mounted.
dmkit create image
image=$(dmkit get image)
echo "from the image" > "$image/inherited"
dmkit put image
dmkit create web --parent image
dmkit create db --parent image
web=$(dmkit get web)
echo "of web" > "$web/own"
sync
dmkit create web-copy --parent web
echo "later" > "$web/own"
db=$(dmkit get db)
[ "$(cat "$web/inherited")" = "from the image" ] || fail "web lacks the image's file"
[ ! -e "$db/own" ] || fail "db shows web's file"
copy=$(dmkit get web-copy)
[ "$(cat "$copy/own")" = "of web" ] || fail "the snapshot shows what was written after it"

# ---- Exit statuses: 1 failed, 2 wrong usage, and nothing changed.
refuses 1 dmkit create web
grep -q 'EEXIST' /tmp/err || fail "no errno by name: $(cat /tmp/err)"
refuses 1 dmkit rm web
grep -q "$STORE/mnt/web" /tmp/err || fail "not said where it is mounted: $(cat /tmp/err)"
refuses 2 dmkit rm base
refuses 1 dmkit create x --parent nobody
refuses 1 dmkit get nobody
refuses 1 dmkit exists nobody
refuses 2 dmkit no-such-command
refuses 2 dmkit create
refuses 2 dmkit --opt dm.nonsense=1 ls
grep -q 'dm.basesize' /tmp/err || fail "the known options are not listed: $(cat /tmp/err)"
dmkit exists web
dmkit rm db 2> /dev/null && fail "db is mounted"
dmkit put db
dmkit rm db
dmkit ls
dmkit pool check

# ---- Down and up again.
dmkit cleanup
[ "$(dmkit dm ls)" = "No devices found" ] || fail "devices left: $(dmkit dm ls)"
[ -z "$(losetup -a)" ] || fail "loop devices left: $(losetup -a)"
web=$(dmkit get web)
[ "$(cat "$web/own")" = "later" ] || fail "web lost its file in the clean-up"
dmkit get web > /dev/null
echo "synced" > "$web/last"
sync
dmkit create last --parent web
hardstop
