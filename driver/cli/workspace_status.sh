#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What `dmkit version` says about the checkout: Bazel runs this before each build, in the workspace.
# A tree without git builds all the same, and says "unknown".
commit=$(git rev-parse --short=12 HEAD 2>/dev/null) || exit 0
# Without the index's lock: somebody may be committing meanwhile.
changes=$(git --no-optional-locks status --porcelain --untracked-files=no 2>/dev/null)
[ -z "$changes" ] || commit=$commit+changes
echo "STABLE_DMKIT_COMMIT $commit"
