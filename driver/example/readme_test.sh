#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# readme_test.sh README.md SOURCE: the program in README.md is SOURCE, from its first #include on.
set -euo pipefail

sed -n '/^```cpp$/,/^```$/p' "$1" | sed '/^```/d' >"$TEST_TMPDIR/shown"
sed -n '/^#include/,$p' "$2" >"$TEST_TMPDIR/source"
diff "$TEST_TMPDIR/shown" "$TEST_TMPDIR/source"
