# SPDX-License-Identifier: Apache-2.0
#
# What the program's tests in a guest have in common; to be sourced. `failed` is the exit status.
set -u
cd /scratch || exit 1
failed=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  out: /' /tmp/out
  sed 's/^/  err: /' /tmp/err
  failed=1
}

# expect STATUS WORD...: runs dmkit.
expect() {
  want=$1
  shift
  dmkit "$@" > /tmp/out 2> /tmp/err
  status=$?
  [ "$status" = "$want" ] || fail "dmkit $*: exit status $status, not $want"
}
out() { grep -qF -- "$1" /tmp/out || fail "not printed: $1"; }
err() { grep -qF -- "$1" /tmp/err || fail "not said: $1"; }
