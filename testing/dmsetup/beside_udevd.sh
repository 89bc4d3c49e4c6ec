#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Our dmsetup beside a real udevd, in the guest: `beside_udevd.sh CYCLES`. Needs a guest with udevd
# and the program as /tools/dmkit/dmsetup. Says what fails and exits with 1 then.

cycles=$1
notify_rule=/usr/lib/udev/rules.d/95-dm-notify.rules
debian=/usr/sbin/dmsetup
# What a wait may take that waits for a udevd in vain, and one that must not wait at all.
vain_seconds_max=60
brisk_seconds_max=12
table="0 8 linear /dev/loop0 0"
failures=0

PATH=/tools/dmkit:$PATH

fail() {
  echo "FAILED: $test: $*"
  failures=$((failures + 1))
}

now() {
  read -r seconds rest < /proc/uptime
  echo "${seconds%.*}"
}

# expect SECONDS COMMAND...: succeeds in that time; its errors are /tmp/errors.
expect() {
  limit=$1 begin=$(now)
  shift
  timeout 120 "$@" > /tmp/output 2> /tmp/errors || fail "$*: status $?: $(cat /tmp/errors)"
  took=$(($(now) - begin))
  [ $took -le "$limit" ] || fail "$*: took $took s"
}

silent() {
  [ ! -s /tmp/errors ] || fail "unexpected: $(cat /tmp/errors)"
}

warned() {
  grep -q "$1" /tmp/errors || fail "no '$1' among the errors: $(cat /tmp/errors)"
}

semaphores() {
  echo $(($(wc -l < /proc/sysvipc/sem) - 1))
}

# The name of a device leads to it, and it can be read.
works() {
  number=$($debian info -c --noheadings -o minor "$1")
  [ "$(stat -L -c %t:%T "/dev/mapper/$1")" = "$(printf 'fd:%x' "$number")" ] ||
    fail "/dev/mapper/$1 is not device $number"
  dd if="/dev/mapper/$1" of=/dev/null bs=4096 count=1 2>&- || fail "cannot read $1"
}

# The name of a device is a link when udevd has nothing left to do.
is_udevds() {
  udevadm settle
  [ -L "/dev/mapper/$1" ] || fail "/dev/mapper/$1 is no link of udevd's"
}

# Nothing is left of a test: device, node, link, semaphore.
clean() {
  [ "$(semaphores)" = 0 ] || fail "semaphores: $(cat /proc/sysvipc/sem)"
  [ "$($debian ls)" = "No devices found" ] || fail "devices: $($debian ls)"
  [ "$(ls /dev/mapper)" = control ] || fail "nodes: $(ls -l /dev/mapper)"
  for node in /dev/dm-* /sys/block/dm-* /dev/disk/by-id/dm-*; do
    [ ! -e "$node" ] && [ ! -L "$node" ] || fail "left: $node"
  done
}

cycle() {
  round=0
  while [ $round -lt "$2" ]; do
    round=$((round + 1))
    dmsetup create "$1" --table "$table" || return
    [ -L "/dev/mapper/$1" ] || { echo "round $round: no link for $1" && return 1; }
    dmsetup remove "$1" || return
    [ ! -L "/dev/mapper/$1" ] || { echo "round $round: a link to removed $1" && return 1; }
  done
}

# two_at_once CYCLES: this many in all, by two processes.
two_at_once() {
  begin=$(now)
  cycle left $(($1 / 2)) > /tmp/left 2>&1 &
  left=$!
  cycle right $(($1 / 2)) > /tmp/right 2>&1 || fail "right: $(tail -5 /tmp/right)"
  wait $left || fail "left: $(tail -5 /tmp/left)"
  [ ! -s /tmp/left ] && [ ! -s /tmp/right ] || fail "said: $(cat /tmp/left /tmp/right)"
  udevadm settle
  clean
  echo "$test: $1 cycles in $(($(now) - begin)) s"
}

# Waits, ten seconds at most, until a process waits for udevd.
until_waiting() {
  tries=0
  until [ "$(semaphores)" != 0 ]; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { fail "nobody waits for udevd" && return 1; }
    usleep 20000
  done
  # The operation itself has to be over, too.
  until [ "$($debian info -c --noheadings -o suspended waiting 2>&1)" = Active ]; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { fail "the device is not resumed" && return 1; }
    usleep 20000
  done
}

udevd_again() {
  kill -9 $(pidof systemd-udevd) 2>&-
  udevd start || fail "udevd does not start again"
}

test_cycles_leave_nothing() {
  two_at_once "$cycles"
}

test_rules_work_with_our_program_too() {
  cp $debian /tmp/dmsetup.debian
  debian=/tmp/dmsetup.debian
  cp /tools/dmkit/dmsetup /usr/sbin/dmsetup
  two_at_once 40
  cp $debian /usr/sbin/dmsetup
  debian=/usr/sbin/dmsetup
}

test_rename_is_waited_for() {
  expect $brisk_seconds_max dmsetup create before --table "$table"
  expect $brisk_seconds_max dmsetup rename before after
  silent
  [ -L /dev/mapper/after ] && [ ! -L /dev/mapper/before ] || fail "$(ls -l /dev/mapper)"
  works after
  expect $brisk_seconds_max dmsetup remove after
  clean
}

test_udevd_that_does_not_answer_is_not_waited_for_without_end() {
  kill -STOP $(pidof systemd-udevd)
  expect $vain_seconds_max dmsetup create waiting --table "$table"
  warned "was not completed by udevd"
  works waiting
  [ "$(semaphores)" = 0 ] || fail "a semaphore is left"
  kill -CONT $(pidof systemd-udevd)
  udevadm settle
  expect $brisk_seconds_max dmsetup remove waiting
  silent
  udevadm settle
  clean
}

test_udevd_killed_in_the_middle_fails_nothing() {
  kill -STOP $(pidof systemd-udevd)
  dmsetup create waiting --table "$table" > /tmp/output 2> /tmp/errors &
  process=$!
  until_waiting
  begin=$(now)
  kill -9 $(pidof systemd-udevd)
  wait $process || fail "status $?: $(cat /tmp/errors)"
  [ $(($(now) - begin)) -le $vain_seconds_max ] || fail "waited for a dead udevd"
  warned "was not completed by udevd"
  works waiting
  # Its socket still lies there.
  [ -S /run/udev/control ] || fail "udevd has taken its socket with it"
  expect $vain_seconds_max dmsetup remove waiting
  udevd_again
  clean
}

test_killed_process_leaves_a_cookie_that_can_be_completed() {
  kill -STOP $(pidof systemd-udevd)
  dmsetup create waiting --table "$table" > /tmp/output 2> /tmp/errors &
  process=$!
  until_waiting
  kill -9 $process
  wait $process 2>&-
  kill -CONT $(pidof systemd-udevd)
  udevadm settle
  cookie=$(dmsetup udevcookies | awk 'NR == 2 { print $1 }')
  [ "$cookie" = "$($debian udevcookies | awk 'NR == 2 { print $1 }')" ] || fail "cookie '$cookie'"
  [ "$(dmsetup udevcookies | wc -l)" = 2 ] || fail "$(dmsetup udevcookies)"
  expect $brisk_seconds_max dmsetup udevcomplete_all -y 5
  [ "$(semaphores)" = 1 ] || fail "a cookie was completed that is not 5 minutes old"
  expect $brisk_seconds_max dmsetup udevcomplete_all -y
  [ "$(semaphores)" = 0 ] || fail "the cookie is still there"
  expect $brisk_seconds_max dmsetup remove waiting
  clean
}

test_terminated_process_leaves_no_cookie() {
  kill -STOP $(pidof systemd-udevd)
  dmsetup create waiting --table "$table" > /tmp/output 2> /tmp/errors &
  process=$!
  until_waiting
  kill -TERM $process
  wait $process
  status=$?
  [ $status = 143 ] || fail "status $status: $(cat /tmp/errors)"
  silent
  [ "$(semaphores)" = 0 ] || fail "semaphores: $(cat /proc/sysvipc/sem)"
  kill -CONT $(pidof systemd-udevd)
  is_udevds waiting
  expect $brisk_seconds_max dmsetup remove waiting
  clean
}

test_foreign_ipc_namespace_is_not_waited_in() {
  expect $brisk_seconds_max unshare -i dmsetup create foreign --table "$table"
  works foreign
  expect $brisk_seconds_max unshare -i dmsetup rename foreign renamed
  works renamed
  expect $brisk_seconds_max unshare -i dmsetup remove renamed
  udevadm settle
  clean
}

test_missing_notify_rule_is_not_waited_for() {
  mv $notify_rule /tmp
  udevadm control --reload
  expect $brisk_seconds_max dmsetup create unnotified --table "$table"
  silent
  works unnotified
  is_udevds unnotified
  expect $brisk_seconds_max dmsetup remove unnotified
  silent
  udevadm settle
  clean
  mv /tmp/${notify_rule##*/} $notify_rule
  udevadm control --reload
}

test_without_semaphores_there_is_no_waiting() {
  read -r msl mns opm mni < /proc/sys/kernel/sem
  echo "$msl $mns $opm 0" > /proc/sys/kernel/sem
  expect $brisk_seconds_max dmsetup create unsynced --table "$table"
  warned "Limit for the maximum number of semaphores"
  works unsynced
  is_udevds unsynced
  expect $brisk_seconds_max dmsetup remove unsynced
  udevadm settle
  clean
  echo "$msl $mns $opm $mni" > /proc/sys/kernel/sem
}

test_without_udevd_nodes_are_ours() {
  udevd stop
  rm -rf /run/udev
  expect $brisk_seconds_max dmsetup create ours -M 640 -U 12 -G 34 --table "$table"
  silent
  works ours
  [ "$(stat -c '%F %a %u %g' /dev/mapper/ours)" = "block special file 640 12 34" ] ||
    fail "$(stat /dev/mapper/ours)"
  expect $brisk_seconds_max dmsetup rename ours renamed
  silent
  works renamed
  [ ! -e /dev/mapper/ours ] || fail "the old node is there"
  rm /dev/mapper/renamed
  mknod /dev/mapper/stale b 253 77
  expect $brisk_seconds_max dmsetup mknodes
  works renamed
  [ ! -e /dev/mapper/stale ] || fail "mknodes has left a stale node"
  expect $brisk_seconds_max dmsetup remove renamed
  silent
  clean
  udevd_again
}

truncate -s 1M /tmp/disk && losetup /dev/loop0 /tmp/disk || exit
# Every function above whose name begins with test_, in their order.
tests=$(sed -n 's/^test_\([a-z_]*\)() {$/\1/p' "$0")
[ -n "$tests" ] || fail "no test was found in $0"
for test in $tests; do
  before=$failures
  test_$test
  [ $failures != $before ] || echo "ok: $test"
done
echo "$failures failures"
[ $failures = 0 ]
