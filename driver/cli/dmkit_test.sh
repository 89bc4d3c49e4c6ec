#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# dmkit_test.sh PROGRAM: the program as a whole: exit statuses, streams, and what it says on a host
# without device-mapper or to a caller who is not root. Changes nothing on the host.
set -uo pipefail

program=$(readlink -f "$1")
out=$TEST_TMPDIR/out
err=$TEST_TMPDIR/err
failed=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  out: /' "$out"
  sed 's/^/  err: /' "$err"
  failed=1
}

# expect STATUS WORD...: runs the program.
expect() {
  local want=$1 status
  shift
  "$program" "$@" >"$out" 2>"$err" </dev/null
  status=$?
  ((status == want)) || fail "dmkit $*: exit status $status, not $want"
}

says() { grep -qF -- "$2" "$1" || fail "nothing about: $2"; }
silent() { [[ ! -s $1 ]] || fail "output where none should be"; }

# Help and version are for anybody.
expect 0 help
says "$out" "loop attach"
silent "$err"
expect 0 help create
says "$out" "--parent PARENT"
expect 0 dm message --help
says "$out" "NAME SECTOR WORD..."
expect 0 version
says "$out" "dmkit: "
says "$out" "commit: "
expect 0 --version --format json
says "$out" '"version":"'

# Wrong usage.
expect 2
says "$err" "usage: dmkit"
silent "$out"
expect 2 frobnicate
says "$err" '"frobnicate"'
expect 2 create
says "$err" "usage: dmkit create ID"
expect 2 create a/b
expect 2 ls --opt dm.frobnicate=1
says "$err" "dm.basesize"
expect 2 --opt dm.frobnicate=1 dm create x --table "0 8 zero"
says "$err" "dm.basesize"
says "$err" "usage: dmkit dm create"
expect 2 --format xml dm create x --table "0 8 zero"
says "$err" "text or json"
expect 2 -- dm ls
says "$err" 'in front of "dm"'
expect 2 --format json frobnicate
says "$err" '{"error":{"command":"","object":"","message":"'

# The same with dmsetup's words: its exit status, and no word of it as text.
expect 1 --format json dm frobnicate
says "$err" '{"error":{"command":"","object":"","message":"Unknown command.","code":"INVALID_'
silent "$out"
expect 1 --format json dm ls --frobnicate
says "$err" "unrecognized option '--frobnicate'"
expect 1 --format json dm ls --tree
says "$err" '"message":"ls: --tree is not in JSON."'
expect 0 --format json dm splitname vg-lv
says "$out" '{"subsystem":"LVM","vg_name":"vg","lv_name":"lv","lv_layer":""}'
silent "$err"
expect 0 --format json dm help
says "$err" "Usage:"
silent "$out"

# Somebody who is not root.
not_root() {
  expect 1 dm ls --format json
  says "$err" "this needs root"
  says "$err" '"code":"PERMISSION_DENIED","errno_name":"EACCES"'
  silent "$out"
  expect 0 dm udevcomplete 0x10000
  expect 0 dm udevcomplete 0x10000 --format json
  expect 1 dm ls
  says "$err" "/dev/mapper/control: open failed: Permission denied"
  says "$err" "Command failed."
  silent "$out"
  expect 1 --root "$TEST_TMPDIR/store" create web
  says "$err" "only root"
  expect 1 --format json loop ls
  says "$err" '"code":"PERMISSION_DENIED"'
  expect 0 version
  [[ ! -e $TEST_TMPDIR/store ]] || fail "a store was made"
}
if ((EUID != 0)); then
  not_root
  exit $failed
fi
readable=$(mktemp -d /tmp/dmkit_test.XXXXXX)
trap 'rm -rf "$readable"' EXIT
cp "$program" "$readable/dmkit"
chmod 755 "$readable"
if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
  root_program=$program
  program=$readable/as_nobody
  printf '#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups "%s" "$@"\n' \
    "$readable/dmkit" >"$program"
  chmod 755 "$program"
  not_root
  program=$root_program
else
  echo "skipped: this root may not become somebody else"
fi

# Standard output that cannot be written, and none at all.
"$program" help >/dev/full 2>"$err"
(($? == 1)) || fail "a full standard output is no error"
says "$err" "ENOSPC"
"$program" dm udevflags 0x10000 >/dev/full 2>"$err"
(($? == 1)) || fail "a full standard output is no error of dm"
says "$err" "write to standard output failed: No space left on device"
"$program" help >&- 2>"$err"
(($? == 1)) || fail "a closed standard output is no error"

# What nobody reads any more: dmsetup ends silently, as any program in a pipe does.
mkfifo "$TEST_TMPDIR/pipe"
ln -s "$program" "$TEST_TMPDIR/dmsetup"
for words in "$TEST_TMPDIR/dmsetup version" "$program dm version"; do
  exec 3<>"$TEST_TMPDIR/pipe" 4>"$TEST_TMPDIR/pipe" 3>&-
  # shellcheck disable=SC2086
  env --default-signal=PIPE $words >&4 2>"$out"
  (($? == 141)) || fail "$words: not ended by SIGPIPE"
  ! grep "standard output" "$out" || fail "$words: not silent"
  exec 4>&-
done

# No store yet.
store=$TEST_TMPDIR/none
expect 1 --root "$store" exists web
silent "$out"
silent "$err"
expect 1 --root "$store" exists web --format json
says "$out" '{"id":"web","exists":false}'
expect 0 --root "$store" ls
says "$out" "LAYER"
expect 0 --root "$store" cleanup
[[ ! -e $store ]] || fail "a store was made"

# No device-mapper in the kernel.
if ! grep -qw device-mapper /proc/misc && ! modprobe -n dm_mod 2>/dev/null; then
  expect 1 dm ls
  says "$err" "/dev/mapper/control: open failed: No such device"
  says "$err" "Check that device-mapper is available in the kernel."
  silent "$out"
  expect 1 dm ls --format json
  says "$err" "dm_mod"
  says "$err" "CONFIG_BLK_DEV_DM"
  silent "$out"
  expect 1 --root "$store" create web
  says "$err" "CONFIG_BLK_DEV_DM"
  [[ ! -e $store ]] || fail "a store was made"
  expect 0 version
  says "$out" "device-mapper interface: not available"
fi

exit $failed
