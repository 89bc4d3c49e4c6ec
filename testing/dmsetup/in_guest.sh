#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs scenes in the guest with one dmsetup after the other and leaves what was seen below /results:
# `in_guest.sh PASS...`, PASS being `plain` (no udevd, and dmsetup is told so) or, behind it,
# `udevd`. What scenes are: README.md.
#
# For each line, /results/PASS/TOOL/SCENE.LINE.{stdout,stderr,status}, and .state when its words say
# that it may change something. The tools are the
# directories below /tools, each with a program `dmsetup`.

reference=/tools/debian
line_seconds_max=20

# Everything that a line can see is made anew: devices, their disks, nodes, cookies, files.
reset_scene() {
  cd /
  tries=0
  until [ "$($reference/dmsetup info -c --noheadings -o name)" = "No devices found" ]; do
    $reference/dmsetup remove_all --force
    tries=$((tries + 1))
    [ $tries -lt 20 ] || return 1
  done > /dev/null 2>&1
  $reference/dmsetup -y udevcomplete_all > /dev/null
  find /dev/mapper -mindepth 1 ! -name control -exec rm -rf {} +
  rm -rf /tmp/scene
  mkdir /tmp/scene
  cd /tmp/scene || return
  for disk in 0 1 2 3; do
    losetup -d /dev/loop$disk 2>&-
    rm -f /tmp/disk$disk
    truncate -s 64M /tmp/disk$disk
  done
  losetup /dev/loop0 /tmp/disk0 && losetup /dev/loop1 /tmp/disk1 &&
    losetup --read-only /dev/loop2 /tmp/disk2 && losetup /dev/loop3 /tmp/disk3
  settle
}

settle() {
  [ "$pass" != udevd ] || udevadm settle --timeout=30
}

# What there is behind a line, as the reference sees it.
show_state() {
  $reference/dmsetup info -c --noheadings -o name,uuid,major,minor,attr,segments,events
  $reference/dmsetup table
  stat -c '%F %a %u %g %t:%T %N' /dev/mapper/*
}

# compare_line RESULTS COMMAND: the command's streams, its status and what it has changed.
compare_line() {
  PATH=$tool:$PATH timeout $line_seconds_max sh -c "$2" > "$1.stdout" 2> "$1.stderr" < /dev/null
  echo $? > "$1.status"
  case $2 in
    *create* | *load* | *clear* | *suspend* | *resume* | *remove* | *rename* | *message* | \
      *wipe* | *geometry* | *nodes* | *mangle* | *udevc*)
      settle
      show_state > "$1.state" 2>&1
      ;;
  esac
}

# Output of a line that prepares is no one's, unless it fails.
prepare_line() {
  PATH=$reference:$PATH timeout $line_seconds_max sh -c "$2" > /tmp/prepared 2>&1 < /dev/null &&
    settle && return
  cp /tmp/prepared "$1.broken"
}

play_scene() {
  scene=$(basename "$1" .scene)
  number=0
  while IFS= read -r line; do
    number=$((number + 1))
    results=/results/$pass/$(basename "$tool")/$scene.$number
    case $line in
      '' | '#'* | 'passes: '*) ;;
      '== '*)
        reset_scene < /dev/null > "$results.reset" 2>&1 || mv "$results.reset" "$results.broken"
        ;;
      '+ '*) prepare_line "$results" "${line#+ }" ;;
      *) compare_line "$results" "$line" ;;
    esac
    rm -f "$results.reset"
  done < "$1"
}

# Targets come in the order in which their modules were loaded.
for module in /lib/modules/*/kernel/drivers/md/dm-*.ko \
  /lib/modules/*/kernel/drivers/md/persistent-data/*.ko; do
  modprobe "$(basename "$module" .ko)" 2>&-
done

udevd stop
rm -rf /run/udev
export DM_DISABLE_UDEV=1
for pass; do
  case $pass in
    udevd)
      unset DM_DISABLE_UDEV
      udevd start || exit
      ;;
  esac
  for tool in /tools/*; do
    mkdir -p "/results/$pass/$(basename "$tool")"
    for file in /scenes/*.scene; do
      ! grep -q "^passes:.* $pass" "$file" || play_scene "$file"
    done
  done
done
reset_scene
cd / && tar -c -f /results.tar results
