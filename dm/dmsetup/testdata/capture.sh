#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs each line of FILE that begins with "dmsetup ", and prints it with what came out: "> " and
# "! " in front of what was printed on standard output and standard error, "= " in front of the exit
# status. Other lines are passed through. Two ram disks are there for tables to use.

modprobe brd rd_nr=2 rd_size=16384
while IFS= read -r line; do
  case $line in
    'dmsetup '*)
      echo "$line"
      eval "$line" > /tmp/output 2> /tmp/errors < /dev/null
      status=$?
      sed 's/^/> /' /tmp/output
      sed 's/^/! /' /tmp/errors
      echo "= $status"
      ;;
    '> '* | '! '* | '= '*) ;;
    *) echo "$line" ;;
  esac
done < "$1"
