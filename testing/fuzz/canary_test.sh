#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The fuzzer given as $1 must find its planted defect within a million inputs, less than a second.

set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

output=$("$1" -seed=1 -runs=1000000 -artifact_prefix="$work/" 2>&1)
status=$?
if ((status == 0)); then
  echo "the defect was not found"
  exit 1
fi
if ! grep -q "heap-buffer-overflow" <<<"$output"; then
  echo "something else was found:"
  echo "$output"
  exit 1
fi
if ! compgen -G "$work/crash-*" >/dev/null; then
  echo "the input that shows it was not kept"
  exit 1
fi
