#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The program on a real kernel, in a guest: what it prints about mapped devices is what dmsetup
# prints, to the byte; loop devices come and go as asked; and each command on layers says what it
# did in both formats. That the layers themselves are right is tested in driver/ and testing/e2e.
. /bin/cli_vm_common.sh

# same WORD...: dmsetup and `dmkit dm` print the same, and fail or not alike.
same() {
  dmsetup "$@" > /tmp/dmsetup 2> /dev/null
  want=$?
  dmkit dm "$@" > /tmp/out 2> /tmp/err
  status=$?
  [ "$status" = "$want" ] || fail "dm $*: exit status $status, dmsetup has $want"
  cmp /tmp/dmsetup /tmp/out || fail "dm $*: not what dmsetup prints: $(cat /tmp/dmsetup)"
}

# Nothing there at all.
for command in ls status table info targets; do same $command; done
[ "$(cat /tmp/out)" ] || fail "no targets"

# Loop devices.
truncate -s 16M file
expect 0 loop attach file
loop=$(cat /tmp/out)
[ "$(losetup -n -O BACK-FILE "$loop")" = /scratch/file ] || fail "attached to something else"
[ "$(losetup -n -O AUTOCLEAR "$loop" | tr -d ' ')" = 0 ] || fail "it goes away by itself"
expect 0 loop attach file
out "$loop"
expect 1 loop attach file --read-only
err "read-only"
expect 0 loop attach file --offset 1m --size-limit 2m --format json
out '"offset_bytes":"1048576","size_limit_bytes":"2097152"'
expect 0 loop ls
out "$loop"
expect 1 loop detach file
err "several devices"
expect 0 loop detach /dev/loop1
expect 1 loop attach nosuch
err ENOENT

# Mapped devices of every kind of name and state.
dmsetup create plain --table "0 2048 linear $loop 0"
printf '0 1024 linear %s 0\n1024 1024 zero\n' "$loop" | dmsetup create 'a b' --uuid 'U 1'
dmsetup create empty --notable
dmsetup create ro --readonly --table "0 8 zero"
dmsetup load ro --table "0 16 zero"
dmsetup suspend plain
for command in ls status table info targets; do same $command; done
for command in status table info; do
  for name in plain ro empty 'a b' 'a\x20b' nosuch; do same $command "$name"; done
  same $command plain ro 'a b'
  same $command plain nosuch ro
done
dmsetup resume plain
expect 0 dm message plain 0 @stats_create 0+8 /1
[ "$(cat /tmp/out)" = 0 ] || fail "not the number of the first statistics"
same message plain 0 @stats_list
same message 'a b' 0 @stats_list
same message plain 0 nonsense
same message nosuch 0 @stats_list
expect 1 dm status nosuch
err "Device does not exist."
expect 0 dm ls --format json
out '"name":"a\\x20b","uuid":"U\\x201","device_number":"'
# The same words for JSON: what the text says, with the kernel's names.
expect 0 --format json dm deps 'a b'
out '"used":[{"device_number":"7:0"}]'
expect 0 --format json dm ls --target zero
out '"name":"a\\x20b"'
grep -q plain /tmp/out && fail "a device without such a target: $(cat /tmp/out)"
expect 0 --format json dm info -c -o name,segments --sort name
out '{"cells":[{"name":"name","value":"a b"},{"name":"segments","value":"2"}]}'
expect 0 --format json dm info plain
out '"read_ahead_sectors":'
expect 0 --format json dm version
out '"driver_version":"4.'
expect 0 --format json dm suspend plain
[ "$(cat /tmp/out)" = "{}" ] || fail "a silent command said something"
expect 0 --format json dm resume plain
expect 1 --format json dm remove nosuch
err '"object":"nosuch"'
err '"errno_name":"ENXIO"'
expect 1 --format json dm ls --tree
err 'not in JSON'
expect 0 dm table plain --format json
out '"start_sector":"0","length_sectors":"2048","type":"linear","text":"7:0 0"'
if dmsetup create secret --table "0 8 crypt aes-cbc-plain64 $(printf %032d 7) 0 $loop 0"; then
  same table secret
  expect 0 dm table secret --format json
  out "aes-cbc-plain64 $(printf %032d 0) 0"
  dmsetup remove secret
fi
dmsetup remove_all
# Something has the device open: the kernel detaches it at the last close.
exec 9< "$loop"
expect 0 loop detach file
err "last close"
exec 9<&-
expect 0 loop detach "$loop"
expect 0 loop ls
[ "$(wc -l < /tmp/out)" = 1 ] || fail "a loop device is left"

# Layers.
made="--opt dm.basesize=128m --opt dm.loopdatasize=1g --opt dm.loopmetadatasize=16m"
expect 1 --root store status
err "dmkit create"
expect 1 --root store create web --parent nosuch $made
err "no store"
[ ! -e store ] || fail "a store was made for a layer that cannot be"
expect 0 --root store create image $made
expect 0 --root /scratch/store create web --parent image --format json
[ "$(cat /tmp/out)" = "{}" ] || fail "no empty object"
expect 0 --root store create empty --parent base
expect 1 --root store create small --parent image --size 64m
err "smaller than its parent"
expect 0 --root store create large --parent image --size 160m
expect 0 --root store inspect large --format json
out '"size_bytes":"167772160"'
expect 0 --root store get large
blocks=$(stat -f -c %b store/mnt/large/rootfs)
expect 0 --root store grow large 192m
[ "$(stat -f -c %b store/mnt/large/rootfs)" -gt "$blocks" ] || fail "the filesystem did not grow"
expect 1 --root store grow large 64m
err "dmkit: grow large: "
expect 1 --root store grow nosuch 1g
err nosuch
truncate -s 1100M store/pool/data
expect 0 --root store pool grow
expect 0 --root store pool status --format json
out '"total_data_bytes":"1153433600"'
expect 0 --root store put large
expect 0 --root store rm large
expect 1 --root store create web
err EEXIST
expect 1 --root store create x --parent nosuch
err nosuch
expect 0 --root store get web
[ "$(cat /tmp/out)" = /scratch/store/mnt/web/rootfs ] || fail "another path"
expect 0 --root store get web --format json
out '{"id":"web","path":"/scratch/store/mnt/web/rootfs"}'
expect 1 --root store rm image web nosuch
err "dmkit: rm web: "
err "dmkit: rm nosuch: "
expect 0 --root store ls
out "image (removed)"
out "  web "
out "/scratch/store/mnt/web/rootfs (2 gets)"
expect 0 --root store ls --format json
out '"id":"web","parent":"image","parent_removed":true'
expect 0 --root store inspect web
out "Parent: image (removed)"
expect 0 --root store status
out "Pool Mode: rw"
expect 0 --root store pool status
out "Mode: rw"
expect 0 --root store pool check
out "nothing is wrong"
# What is so already is told, and nothing else; a watcher sees the pool go and come back, and ends
# when it is told to.
expect 0 --root store pool watch --timeout 0
[ ! -s /tmp/out ] || fail "a healthy pool has something to tell"
expect 1 --root store pool watch --timeout 0 --count 1
expect 0 --root store pool watch --low 100% --count 1 --timeout 5m
out " low_data: dmkit-"
# happens WORD: waits until the watcher has told of it.
happens() {
  for _ in $(seq 600); do
    grep -q "\"event\":\"$1\"" /tmp/watched && return
    sleep 0.1
  done
  fail "not watched: $1: $(cat /tmp/watched)"
}
dmkit --root store pool watch --low 100 --format json > /tmp/watched 2>&1 &
watcher=$!
happens low_data
happens low_metadata
expect 0 --root store put web --all
expect 0 --root store cleanup
happens gone
expect 0 --root store get web
happens back
expect 0 --root store get web
kill -TERM $watcher
wait $watcher || fail "the watcher ended with $?"
[ "$(grep -c '"event":"gone"' /tmp/watched)" = 1 ] || fail "told twice: $(cat /tmp/watched)"
expect 0 --root store exists web
expect 1 --root store exists image
expect 0 --root store put web
expect 0 --root store put web --all
expect 1 --root store put web
err EINVAL
cp store/devices/empty keep
echo > store/devices/empty
expect 0 --root store ls
out Quarantined
expect 1 --root store pool check
out "what to do"
expect 0 --root store exists empty
cp keep store/devices/empty
expect 0 --root store --trace get web
err "trace: DM_TABLE_LOAD"
# A reader of the trace that goes away changes nothing.
mkfifo pipe
(
  exec 2> pipe
  sleep 1
  dmkit --root store --trace put web
  echo $? > /tmp/status
) &
: < pipe
wait $!
[ "$(cat /tmp/status)" = 0 ] || fail "ended by its trace: $(cat /tmp/status)"
expect 0 --root store get web
expect 0 --root store put web
expect 0 --root store rm web empty
expect 0 --root store cleanup
expect 0 --root store cleanup
expect 0 dm ls
out "No devices found"
expect 0 loop ls
[ "$(wc -l < /tmp/out)" = 1 ] || fail "a loop device is left"
expect 0 version
out "device-mapper interface: 4."

exit $failed
