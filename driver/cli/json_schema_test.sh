#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# json_schema_test.sh JSON.md WRITTEN: JSON.md is what the table and the messages make of it.
set -euo pipefail

if ! diff "$1" "$2"; then
  echo "FAILED: bazel build //driver/cli:json_md writes it anew; copy it over driver/cli/JSON.md"
  exit 1
fi
