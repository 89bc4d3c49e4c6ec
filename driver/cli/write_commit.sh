#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# write_commit.sh STATUS-FILE: prints the header that names the commit, from what Bazel wrote down
# of the workspace.
set -eu
commit=$(sed -n 's/^STABLE_DMKIT_COMMIT //p' "$1")
printf '// SPDX-License-Identifier: Apache-2.0\n'
printf 'constexpr char kCommit[] = "%s";\n' "${commit:-unknown}"
