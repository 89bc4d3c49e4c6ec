#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# import-docker by the program on a real kernel, in a guest: a pool of ours with the records that
# Docker would have written beside it is looked at, opened without a change, and adopted.
. /bin/cli_vm_common.sh

made="--opt dm.basesize=128m --opt dm.loopdatasize=256m --opt dm.loopmetadatasize=16m"
docker=/scratch/devicemapper
# number ID FIELD: a number that inspect has.
number() {
  dmkit --root made inspect "$1" --format json | sed "s/.*\"$2\":\"*\([0-9]*\).*/\1/"
}
# record NAME JSON
record() {
  echo "$2" > "$docker/metadata/$1"
}
# The store's files, with times to the second.
fingerprint() {
  find "$docker" -type f -exec md5sum {} + | sort
  find "$docker" -exec stat -c '%n %s %Y' {} + | sort
}

# The store.
expect 0 --root made create image $made
rootfs=$(dmkit --root made get image)
echo hello > "$rootfs/file"
expect 0 --root made put image
expect 0 --root made create web --parent image
mkdir -p "$docker/devicemapper" "$docker/metadata"
layer='"size":134217728,"initialized":false,"deleted":false}'
record base '{"device_id":1,"size":134217728,"transaction_id":1,"initialized":true,"deleted":false}'
for id in image web; do
  thin=$(number $id thin_id)
  record $id "{\"device_id\":$thin,\"transaction_id\":$thin,$layer"
done
record lost "{\"device_id\":77,\"transaction_id\":77,$layer"
record torn '{"device_id":'
record deviceset-metadata \
  '{"next_device_id":4,"BaseDeviceUUID":"","BaseDeviceFilesystem":"ext4"}'
transaction=$(dmkit --root made pool status --format json |
  sed 's/.*"transaction_id":"\([0-9]*\).*/\1/')
record transaction-metadata \
  "{\"open_transaction_id\":$transaction,\"device_hash\":\"web\",\"device_id\":3}"
expect 0 --root made cleanup
mv made/pool/data made/pool/metadata "$docker/devicemapper/"
fingerprint > before

# What is no store.
expect 1 --root old import-docker nosuch
err "dmkit: import-docker nosuch: "
err ENOENT
mkdir empty
expect 1 --root old import-docker empty
err "import-docker empty: "
[ ! -e old ] || fail "a store was made of nothing"

# Looked at: the two layers that are damaged are named, so the status is 1.
expect 1 --root old import-docker devicemapper --dry-run
out "Docker store: $docker"
out "Dry run: "
out "web"
out "torn"
[ ! -e old ] || fail "a dry run made a store"
expect 0 dm ls
out "No devices found"

# Opened without a change.
expect 1 --root old import-docker devicemapper --format json
out '"docker_root":"/scratch/devicemapper","root":"/scratch/old","adopted":false,"dry_run":false'
out '"id":"web","parent":""'
expect 0 --root old ls
out "image"
expect 0 --root old get web
rootfs=$(cat /tmp/out)
[ "$(cat "$rootfs/file")" = hello ] || fail "another file"
touch "$rootfs/new" 2> /dev/null && fail "it can be written"
expect 0 --root old put web
expect 1 --root old create more --parent web
err EROFS
expect 1 --root old rm web
expect 0 --root old cleanup
fingerprint > after
cmp before after || fail "the Docker store has changed"

# Adopted.
expect 1 --root ours import-docker devicemapper --adopt
out "Writable: yes"
expect 0 --root ours create more --parent web
expect 0 --root ours get more
rootfs=$(cat /tmp/out)
[ "$(cat "$rootfs/file")" = hello ] || fail "another file in the new layer"
touch "$rootfs/new" || fail "it cannot be written"
expect 0 --root ours put more
expect 0 --root ours rm web more
expect 0 --root ours cleanup
expect 0 loop ls
[ "$(wc -l < /tmp/out)" = 1 ] || fail "a loop device is left"

exit $failed
