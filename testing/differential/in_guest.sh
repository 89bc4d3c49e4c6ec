#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# In a guest: each profile with a seed that never changes, and with one of the commit.

set -eu
commit=$(cut -c1-8 /etc/commit_seed)
[ -n "$commit" ] || commit=0
for profile in dm thin loop; do
  differential --seed=1 --operations=5000 --profile=$profile --scratch=/scratch/d
  differential --seed=$((0x$commit)) --operations=2000 --profile=$profile --scratch=/scratch/d
done
