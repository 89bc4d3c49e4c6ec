#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# workspace_test.sh README.md SOURCE WORKSPACE: a workspace of a stranger, as README.md describes
# it, can build the program SOURCE. To spare the time only two libraries are compiled: one with a
# generated source, and one that starts with the precompiled header.
set -euo pipefail

dmkit=$(dirname "$(readlink -f "$3")")
mine=$TEST_TMPDIR/mine
mkdir "$mine"
cp "$2" "$mine"
{
  echo 'workspace(name = "mine")'
  echo "local_repository(name = \"dmkit\", path = \"$dmkit\")"
  sed -n '/^local_repository($/,/^)$/p' "$3" | sed "s|\"third_party/|\"$dmkit/third_party/|"
} >"$mine/WORKSPACE"
sed -n '/^    cc_binary($/,/^    )$/p' "$1" | sed 's/^    //' >"$mine/BUILD.bazel"
sed -n 's/^`\(build --crosstool_top=[^`]*\)`:$/\1/p' "$1" >"$mine/.bazelrc"
cd "$mine"

bazel() {
  command bazel --output_user_root="$TEST_TMPDIR/bazel" "$@"
}
trap 'bazel shutdown' EXIT
options=(--noshow_progress --spawn_strategy=local --jobs=2)
bazel build "${options[@]}" --nobuild //:host_program
bazel build "${options[@]}" @dmkit//driver:report_proto @dmkit//sys:status
