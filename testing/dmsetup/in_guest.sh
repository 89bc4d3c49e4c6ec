#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs scenes in the guest with one dmsetup after the other and leaves what was seen below /results:
# `in_guest.sh PASS...`, PASS being `plain` (no udevd, and dmsetup is told so) or, behind it,
# `udevd`. What scenes are: README.md.
#
# For each line, /results/PASS/TOOL/SCENE.LINE.{stdout,stderr,status}, .state when its words say
# that it may change something, and .at_once when it has to have waited for udevd. The tools are the
# directories below /tools, each with a program `dmsetup`.
#
# To start a program is what takes time in an emulated guest, so this starts few.

reference=/tools/debian
line_seconds_max=20
watch_seconds=5

# Everything that a line can see is made anew: devices, their disks, nodes, cookies, files.
reset_scene() {
  cd /
  tries=0
  while has_devices; do
    [ $tries -lt 20 ] || return 1
    tries=$((tries + 1))
    $reference/dmsetup remove_all --force > /dev/null 2>&1
  done
  [ "$(wc -l < /proc/sysvipc/sem)" = 1 ] || $reference/dmsetup -y udevcomplete_all > /dev/null
  find /dev/mapper -mindepth 1 ! -name control -exec rm -rf {} +
  rm -rf /tmp/scene
  mkdir /tmp/scene
  cd /tmp/scene || return
  are_disks_blank || make_disks || return
  settle
}

# Devices are what show_state begins with.
has_devices() {
  case $(/scenes/show_state) in "'"*) ;; *) return 1 ;; esac
}

are_disks_blank() {
  [ "$(echo $(stat -c %b /tmp/disk0 /tmp/disk1 /tmp/disk2 /tmp/disk3 2>&-))" = "0 0 0 0" ]
}

make_disks() {
  for disk in 0 1 2 3; do
    losetup -d /dev/loop$disk 2>&-
    rm -f /tmp/disk$disk
    truncate -s 64M /tmp/disk$disk
  done
  losetup /dev/loop0 /tmp/disk0 && losetup /dev/loop1 /tmp/disk1 &&
    losetup --read-only /dev/loop2 /tmp/disk2 && losetup /dev/loop3 /tmp/disk3
}

# Waits until udevd has dealt with all that has happened since the last time; when $settled is empty
# udevd is asked in any case, as something may be about to happen.
settle() {
  [ "$pass" = udevd ] || return 0
  read -r events < /sys/kernel/uevent_seqnum
  [ "$events" != "$settled" ] || return 0
  udevadm settle --timeout=30
  settled=$events
}

show_state() {
  /scenes/show_state > "$1" || cp "$1" "$1.broken"
}

# run_line TOOL COMMAND: in a shell of its own that finds the tool as dmsetup.
run_line() {
  (PATH=$1:$PATH && eval "$2") < /dev/null &
  echo $! > /tmp/running
  wait $!
  set -- $?
  : > /tmp/running
  return "$1"
}

# Kills lines that have had their time.
watch_lines() {
  seen=
  while sleep $watch_seconds; do
    read -r running < /tmp/running
    [ -n "$running" ] && [ "$running" = "$seen" ] || seconds=0
    seen=$running
    [ $seconds -lt $line_seconds_max ] || kill_tree "$running"
    seconds=$((seconds + watch_seconds))
  done
}

kill_tree() {
  for child in $(cat "/proc/$1/task/$1/children"); do kill_tree "$child"; done
  kill -9 "$1"
}

# compare_line RESULTS COMMAND: the command's streams, its status and what it has changed.
compare_line() {
  run_line "$tool" "$2" > "$1.stdout" 2> "$1.stderr"
  echo $? > "$1.status"
  case $2 in
    *create* | *load* | *clear* | *suspend* | *resume* | *remove* | *rename* | *message* | \
      *wipe* | *geometry* | *nodes* | *mangle* | *udevc*)
      if is_waited_for "$2"; then show_state "$1.at_once"; else settled=; fi
      settle
      show_state "$1.state"
      ;;
  esac
}

# Whether all that udevd had to do for the command must be done when it ends. A deferred removal
# happens when it happens.
is_waited_for() {
  case $pass:$1 in
    plain:* | *--noudevsync* | *DM_DISABLE_UDEV=1* | *--deferred*) return 1 ;;
  esac
}

# Output of a line that prepares is no one's, unless it fails.
prepare_line() {
  run_line $reference "$2" > /tmp/prepared 2>&1 && settle && return
  cp /tmp/prepared "$1.broken"
}

play_scene() {
  scene=${1##*/}
  number=0
  while IFS= read -r line; do
    number=$((number + 1))
    results=/results/$pass/${tool##*/}/${scene%.scene}.$number
    case $line in
      '' | '#'* | 'passes: '*) ;;
      '== '*)
        reset_scene < /dev/null > /tmp/reset 2>&1 || cp /tmp/reset "$results.broken"
        ;;
      '+ '*) prepare_line "$results" "${line#+ }" ;;
      *) compare_line "$results" "$line" ;;
    esac
  done < "$1"
}

# Targets come in the order in which their modules were loaded.
for module in /lib/modules/*/kernel/drivers/md/dm-*.ko \
  /lib/modules/*/kernel/drivers/md/persistent-data/*.ko; do
  modprobe "$(basename "$module" .ko)" 2>&-
done

: > /tmp/running
watch_lines > /dev/null 2>&1 &
watcher=$!

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
kill $watcher
cd / && tar -c -f /results.tar results
