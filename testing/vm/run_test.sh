#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests testing/vm/run and vm_test.py themselves: `run_test.sh KERNEL`, from the root of the
# workspace.

set -u

kernel=$1
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/vm-run-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# run STATUS WORD...: boots with the given words; its streams are $work/out and $work/err.
run() {
  local expected=$1 status
  shift
  echo "--- ${*@Q}"
  testing/vm/run --kernel "$kernel" "$@" > "$work/out" 2> "$work/err" < /dev/null
  status=$?
  cat "$work/err"
  [[ $status == "$expected" ]] || fail "exit status $status, expected $expected"
}

says() {
  grep -qF -- "$1" "$work/err" || fail "no '$1' among the errors"
}

prints() {
  [[ $(< "$work/out") == *"$1"* ]] || fail "no '$1' in the output: $(head -c 4000 "$work/out")"
}

test_usage() {
  run 2
  run 2 --kernel 2.4 -- true
  run 2 --file /does/not/exist:/x -- true
  run 2 --file /etc/passwd:relative -- true
  run 2 --file /etc/passwd:/run/x -- true
  run 2 --file /etc/passwd -- true
  run 2 --memory lots -- true
}

test_arguments_arrive_as_given() {
  local words=('a b' "it's" '"' '\n' '$HOME' '`id`' '*' '' $'two\nlines' '-- --' 'ä')
  run 0 -- printf '<%s>' "${words[@]}"
  printf '<%s>' "${words[@]}" | cmp - "$work/out" || fail "arguments differ"
  says "Linux $kernel."
}

test_streams_files_and_status_pass_through() {
  head -c 1500000 /dev/urandom > "$work/blob"
  printf '\r\n\004\000\377\032' >> "$work/blob"
  chmod 4751 "$work/blob"
  # The sleeping child holds the command's output open.
  run 7 --file "$work/blob:/bin/dir/blob" --fetch "/tmp/copy:$work/copy" -- sh -c '
    cat /bin/dir/blob
    cp /bin/dir/blob /tmp/copy
    stat -c "mode %a owner %u" /bin/dir/blob >&2
    [ -L /bin ] && echo "bin is a link" >&2
    sleep 10000 &
    exit 7'
  cmp "$work/blob" "$work/out" || fail "output differs"
  cmp "$work/blob" "$work/copy" || fail "the fetched file differs"
  says "mode 4751 owner 0"
  says "bin is a link"
  run 1 --fetch "/none:$work/none" --fetch "/init:$work/init" -- true
  says "the guest has no file /none"
  head -1 "$work/init" | grep -q '^#!/bin/sh' || fail "beside a missing file, none is fetched"
}

test_modules_and_filesystems_work() {
  run 0 -- sh -e -c '
    dmsetup version
    truncate -s 64M /tmp/metadata && truncate -s 1G /scratch/data
    metadata=$(losetup -f --show /tmp/metadata) data=$(losetup -f --show /scratch/data)
    # Nobody has loaded dm-thin-pool, dm-delay or xfs: the kernel asks for them.
    dmsetup create pool --table "0 2097152 thin-pool $metadata $data 128 0"
    dmsetup create slow --table "0 8 delay $data 0 0"
    modprobe dm-flakey && modprobe dm-snapshot && modprobe dm-zero && modprobe dm-crypt
    dmsetup targets
    dmsetup message pool 0 "create_thin 0"
    for fs in ext4 xfs; do
      dmsetup create thin --table "0 819200 thin /dev/mapper/pool 0"
      dd if=/dev/zero of=/dev/mapper/thin bs=1M count=1 2>&-
      mkfs.$fs /dev/mapper/thin > /dev/null 2>&1
      blkid -o value -s TYPE /dev/mapper/thin
      mount -t $fs /dev/mapper/thin /mnt
      dmsetup load thin --table "0 1638400 thin /dev/mapper/pool 0"
      dmsetup suspend thin && dmsetup resume thin
      case $fs in
        ext4) resize2fs /dev/mapper/thin > /dev/null 2>&1 ;;
        xfs) xfs_growfs /mnt > /dev/null ;;
      esac
      echo "$fs grew: $(df -m /mnt | awk "END {print (\$2 > 600)}")"
      umount /mnt
      dmsetup remove thin
    done
    findmnt -n -o FSTYPE,SOURCE /scratch
    uname -r'
  local word
  for word in thin-pool delay flakey snapshot zero crypt "ext4 grew: 1" "xfs grew: 1" \
    "ext4   /dev/vda" "$kernel."; do
    prints "$word"
  done
}

test_udevd_links_names_and_completes_cookies() {
  run 0 --udev -- sh -e -c '
    dmsetup create linked --table "0 8 zero"
    readlink /dev/mapper/linked
    udevadm info --query=property /dev/dm-0 | grep DM_NAME
    dmsetup udevcookies | wc -l
    dmsetup remove linked
    [ ! -L /dev/mapper/linked ]
    udevd stop
    ! udevadm control --ping --timeout=1 2>&-
    udevd start
    dmsetup create again --table "0 8 zero"
    readlink /dev/mapper/again
    stat -c %G /dev/dm-0'
  prints "../dm-0
DM_NAME=linked
1
../dm-0
disk"
}

test_panic_before_the_command_is_tried_again() {
  run 125 --append "rdinit=/nonexistent" -- true
  says "booting again"
  [[ $(grep -c "booting again" "$work/err") == 2 ]] || fail "not three boots"
}

test_panic_is_told_apart() {
  run 125 --console "$work/console" -- sh -c 'echo c > /proc/sysrq-trigger; sleep 100'
  says "kernel panicked"
  says "sysrq triggered crash"
  grep -qa "sysrq triggered crash" "$work/console" || fail "the console was not kept"
}

test_time_is_limited() {
  run 124 --timeout 8 -- sleep 1000
  says "ran out of time"
  run 126 --boot-timeout 0.1 -- true
  says "did not come up in time"
  truncate -s 64M "$work/empty"
  run 126 --disk "$work/empty" -- true
  says "did not come up"
  says "cannot mount /dev/vda"
}

test_hard_stop_loses_what_was_not_synced() {
  local disk=$work/disk
  run 0 --disk "$disk" --disk-size 256 --expect-hard-stop -- sh -e -c '
    mount -o remount,commit=600 /scratch
    echo kept > /scratch/synced && sync
    echo lost > /scratch/unsynced
    hardstop'
  run 0 --disk "$disk" -- sh -c 'cat /scratch/synced; ls /scratch; echo clean > /scratch/clean'
  prints kept
  ! grep -q unsynced "$work/out" || fail "what was not synced is there"
  run 125 --disk "$disk" -- sh -c 'cat /scratch/clean; hardstop'
  prints clean
  says "stopped hard"
  run 1 --expect-hard-stop -- true
  says "a hard stop was expected"
}

test_program_without_a_report_is_a_failed_case() {
  # As a googletest program would, this one writes a report where --gtest_output says.
  cat > "$work/good" << 'END'
#!/bin/sh
echo '<testsuites tests="2" failures="0" disabled="0" errors="0" name="AllTests">
<testsuite name="Good"/></testsuites>' > "${1#--gtest_output=xml:}"
pwd
END
  printf '#!/bin/sh\nexit 3\n' > "$work/bad"
  chmod +x "$work/good" "$work/bad"
  local status
  XML_OUTPUT_FILE=$work/xml testing/vm/vm_test.py "--kernel=$kernel" "--test=$work/bad" \
    "--test=$work/good" > "$work/out" 2> "$work/err"
  status=$?
  [[ $status == 3 ]] || fail "exit status $status, expected 3"
  prints /scratch/1
  cp "$work/xml" "$work/out"
  prints 'tests="3" failures="1"'
  prints "it did not end by itself"
  prints '<testsuite name="Good"'
}

test_streams_files_and_status_pass_through
test_modules_and_filesystems_work
test_udevd_links_names_and_completes_cookies
test_panic_before_the_command_is_tried_again
test_panic_is_told_apart
test_hard_stop_loses_what_was_not_synced
# The rest is about the runner, and the same on every kernel.
if [[ $kernel == 6.12 ]]; then
  test_usage
  test_arguments_arrive_as_given
  test_time_is_limited
  test_program_without_a_report_is_a_failed_case
fi

echo "$failures failures"
[[ $failures == 0 ]]
