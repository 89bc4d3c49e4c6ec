#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Changes and archives by the program on a real kernel, in a guest: what was written into a layer is
# told, leaves as an archive, and arrives in another layer. The rules are tested in driver/archive.
. /bin/cli_vm_common.sh

made="--opt dm.basesize=128m --opt dm.loopdatasize=1g --opt dm.loopmetadatasize=16m"
# on WORD...: dmkit on the store, with the exit status that is expected first.
on() {
  want=$1
  shift
  expect "$want" --root /scratch/store "$@"
}
# in_layer ID: its root filesystem, mounted.
in_layer() {
  cd "$(dmkit --root /scratch/store get "$1")" || exit 1
}
out_of() {
  cd /scratch || exit 1
  on 0 put "$1"
}
# printed TEXT: that is all on standard output.
printed() {
  printf "$1" > /tmp/expected
  cmp -s /tmp/expected /tmp/out || fail "not printed as expected"
}

on 0 create image $made
in_layer image
mkdir -p etc/conf.d old/deep
echo 127.0.0.1 > etc/hosts
echo one > etc/conf.d/one
ln etc/hosts etc/linked
echo gone > old/deep/file
truncate -s 10M sparse
out_of image

on 0 create web --parent image
on 0 changes web
[ ! -s /tmp/out ] || fail "changes before any change"
on 0 changes web --format json
printed '{"id":"web","parent":"image","changes":[]}\n'
on 0 diffsize web
printed '0\n'

in_layer web
echo two > etc/conf.d/two
chmod 600 etc/conf.d/one
rm -r old
ln -s two etc/conf.d/link
mknod null c 1 3
printf x > "$(printf 'latin\351')"
out_of web
on 0 changes web
printed 'C /etc\nC /etc/conf.d\nA /etc/conf.d/link\nC /etc/conf.d/one\n'\
'A /etc/conf.d/two\nA /latin\\xe9\nA /null\nD /old\n'
on 0 changes web image --format json
out '{"kind":"A","path":"/latin\\xe9","path_bytes":"L2xhdGlu6Q=="}'
on 0 diffsize web
printed '12\n'
on 0 changes web --all
out "A /etc/hosts"
on 1 changes nosuch
err nosuch
on 1 changes web nosuch
err nosuch

# Through a pipe into a copy of the parent.
on 0 create copy --parent image
dmkit --root /scratch/store diff web 2> /tmp/err | dmkit --root /scratch/store apply copy
[ ! -s /tmp/err ] || fail "diff says something"
on 0 changes copy web
[ ! -s /tmp/out ] || fail "the copy differs"
err "does not descend from"
on 0 changes copy
[ "$(wc -l < /tmp/out)" = 8 ] || fail "other changes than in web"

# Through a file, packed, in JSON.
on 0 diff web --output web.tar --format json
out '{"id":"web","parent":"image","file":"/scratch/web.tar","bytes":"'
err '"done":true}}'
gzip -k web.tar
on 0 create packed --parent image
on 0 apply packed web.tar.gz --format json
out '{"id":"packed","bytes":"'
err '{"progress":{"command":"apply","object":"packed","bytes":"'
on 0 changes packed web --format json
out '"changes":[]'
on 1 diff web --output /dev/null
err "no regular file"
on 0 diff web --all --output whole.tar
[ "$(stat -c %s whole.tar)" -lt 2000000 ] || fail "the hole is in the archive"

# What is no archive, or not all of one.
on 0 create broken --parent image
head -c 1500 web.tar | dmkit --root /scratch/store apply broken > /tmp/out 2> /tmp/err
err "dmkit: apply broken: "
on 1 get broken
err broken
on 0 ls
out incomplete
on 1 apply packed nosuch.tar
err ENOENT
on 0 rm broken

# A comparison that is killed, while nobody reads on, is in nobody's way.
on 0 create large --parent image
in_layer large
head -c 1000000 /dev/zero > zeros
out_of large
mkfifo /tmp/pipe
dmkit --root /scratch/store diff large > /tmp/pipe 2> /dev/null &
killed=$!
exec 3< /tmp/pipe
head -c 1 <&3 > /dev/null
on 1 rm large
err "process $killed (diff)"
on 1 put image
err "process $killed (diff)"
on 0 grow large 160m
kill -9 $killed
wait $killed
exec 3<&-
grep -q /scratch/store/mnt/large /proc/mounts || fail "what the killed one left is not there"
on 0 changes large
printed 'A /zeros\n'
! grep -q /scratch/store/mnt/ /proc/mounts || fail "the killed comparison keeps layers mounted"
on 0 rm large

# Nobody reads.
dmkit --root /scratch/store diff web --all 2> /tmp/err | true
err EPIPE

on 0 rm image
on 1 changes web
err "--all"
on 0 diffsize web --all
on 0 gc
on 0 rm web copy packed
on 0 cleanup
on 0 loop ls
[ "$(wc -l < /tmp/out)" = 1 ] || fail "a loop device is left"

exit $failed
