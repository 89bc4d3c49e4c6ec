#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# In the guest, beside Debian's lvm2: stores in a pool that is made on a disk (dm.directlvm_device),
# in one that the admin made with lvcreate (dm.thinpooldev), and what Docker left in such a one.

set -eu
. /bin/e2e_common

disk=/dev/loop0
other=/dev/loop1
small="--opt dm.basesize=64M"
on_disk="$small --opt dm.directlvm_device=$disk"
forced="$on_disk --opt dm.directlvm_device_force=true"

# refuses TEXT WORD...: the command fails and says TEXT, and no store is made.
refuses() {
  expected=$1
  shift
  if "$@" 2> /tmp/err; then fail "not refused: $*"; fi
  grep -qF -- "$expected" /tmp/err || fail "not said, '$expected': $(cat /tmp/err)"
  [ ! -e "$STORE/set" ] || fail "a store was made by: $*"
}

quietly() {
  "$@" > /tmp/out 2>&1 || fail "$*: $(cat /tmp/out)"
}

# As disks that may have partitions.
attach() {
  losetup -P $disk /scratch/disk
  losetup -P $other /scratch/other
}

# holds LAYER TEXT: the layer's file has the text.
holds() {
  path=$(dmkit get "$1")
  [ "$(cat "$path/file")" = "$2" ] || fail "$1 in $STORE does not hold '$2'"
  dmkit put "$1"
}

fill() {
  path=$(dmkit get "$1")
  echo "$2" > "$path/file"
  dmkit put "$1"
}

truncate -s 1G /scratch/disk /scratch/other
attach

echo "--- refused: missing programs, and disks that hold something"
for program in lvconvert thin_check; do
  mv /usr/sbin/$program /tmp
  refuses "find program $program" dmkit $on_disk create image
  grep -q "install the package" /tmp/err || fail "not said what to install: $(cat /tmp/err)"
  mv /tmp/$program /usr/sbin
done

echo "--- a start that was killed before it wrote to the disk does not vouch for it"
mv /usr/sbin/pvcreate /tmp
printf '#!/bin/sh\nkill -9 $PPID\n' > /usr/sbin/pvcreate
chmod +x /usr/sbin/pvcreate
if /bin/dmkit --root /scratch/killed $on_disk create image 2> /tmp/err; then fail "not killed"; fi
mv /tmp/pvcreate /usr/sbin
grep -q direct_lvm /scratch/killed/set || fail "nothing recorded: $(cat /tmp/err)"
quietly mkfs.ext4 $disk
dd if=$disk of=/tmp/before bs=1M count=1 2> /tmp/err
for store in /scratch/killed /scratch/store; do
  if /bin/dmkit --root $store $on_disk create image 2> /tmp/err; then fail "not refused: $store"; fi
  grep -q "an ext2/3/4 filesystem" /tmp/err || fail "not said what it holds: $(cat /tmp/err)"
done
[ ! -e "$STORE/set" ] || fail "a store was made on a filesystem"
grep -q "dm.directlvm_device_force=true" /tmp/err || fail "not said how: $(cat /tmp/err)"
dd if=$disk bs=1M count=1 2> /tmp/err | cmp - /tmp/before ||
  fail "a disk that was refused was written"
mount $disk /mnt
refuses "it is in use" dmkit $forced create image
umount /mnt
# One partition of Linux, from sector 2048 on.
printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\020\0\0' | dd of=$other bs=1 seek=446 2> /tmp/err
printf '\125\252' | dd of=$other bs=1 seek=510 2> /tmp/err
forced_other="--opt dm.directlvm_device=$other --opt dm.directlvm_device_force=true"
refuses "clear it (wipefs -a $other)" dmkit $forced_other create image
dd if=/dev/zero of=$other bs=1M count=1 2> /tmp/err
quietly vgcreate -y ad-min $other
refuses 'volume group "ad-min"' dmkit $forced_other create image

echo "--- a pool is made where a start was killed, and the store lives in it"
/bin/dmkit --root "$STORE" $forced create image > /tmp/out 2>&1 &
until dmsetup ls | grep -q thinpool; do
  kill -0 $! 2> /tmp/err || fail "ended before it could be killed: $(cat /tmp/out)"
  sleep 0.1
done
kill -9 $!
wait $! || true
dmkit $on_disk create image
group=$(vgs --noheadings -o vg_name | grep -o 'dmkit_[0-9a-f]*')
profile=$(lvs --noheadings -o lv_profile "$group/thinpool" | tr -d ' ')
grep -q "thin_pool_autoextend_threshold=80" "/etc/lvm/profile/$profile.profile"
fill image "from the image"
dmkit $on_disk create web --parent image
holds web "from the image"
dmkit rm image
first=$STORE
STORE=/scratch/second
refuses "is not taken, forced or not" dmkit $forced create image
STORE=$first

echo "--- the pool is found again"
restart() {
  dmkit cleanup
  quietly vgchange -an
  [ ! -e /run/udev/control ] || udevadm settle
  losetup -d $disk
  losetup -d $other
  refuses_known
  attach
  quietly vgchange -ay
}
refuses_known() {
  if dmkit ls > /tmp/out 2> /tmp/err; then fail "a store without its pool"; fi
  grep -q "vgchange -ay" /tmp/err || fail "not said what to do: $(cat /tmp/err)"
}
restart
holds web "from the image"
quietly lvextend -l +1 "$group/thinpool"
dmkit create more --parent web
dmkit pool check

echo "--- a pool of the admin's"
STORE=/scratch/adopted
quietly lvcreate --type thin-pool -L 200M -n pool-1 ad-min
given="--opt dm.thinpooldev=/dev/mapper/ad--min-pool--1"
refuses "/dev/mapper" dmkit --opt dm.thinpooldev=/dev/ad-min/pool-1 create image
dmkit $small $given create image
fill image "in the admin's pool"
restart
holds image "in the admin's pool"
dmkit pool check
STORE=/scratch/third
refuses "not empty" dmkit $given create image
quietly lvcreate --type thin-pool -L 100M -n used ad-min
quietly lvcreate -V 10M -T ad-min/used -n volume
refuses "lvm2 has made volumes in it" dmkit --opt dm.thinpooldev=ad--min-used create image

echo "--- what Docker left in that pool"
STORE=/scratch/adopted
transaction=$(dmsetup status ad--min-pool--1 | cut -d ' ' -f 4)
dmkit cleanup
docker=/scratch/devicemapper
mkdir -p $docker/metadata
record() {
  printf '%s' "$2" > "$docker/$1"
}
device() {
  record "metadata/$1" "{\"device_id\":$2,\"size\":67108864,\"transaction_id\":$2,
    \"initialized\":true,\"deleted\":false}"
}
device base 1
device aaaa 2
record metadata/deviceset-metadata '{"next_device_id":3,"BaseDeviceUUID":"",
  "BaseDeviceFilesystem":"ext4"}'
record metadata/transaction-metadata "{\"open_transaction_id\":$transaction,
  \"device_hash\":\"aaaa\",\"device_id\":2}"
record setup-config.json "{\"Device\":\"$other\"}"
STORE=/scratch/imported
refuses "vgchange -ay docker" dmkit import-docker $docker
dmkit $given import-docker $docker
holds aaaa "in the admin's pool"
dmkit cleanup
STORE=/scratch/taken
dmkit $given import-docker $docker --adopt
fill aaaa "in the adopted store"
restart
holds aaaa "in the adopted store"
