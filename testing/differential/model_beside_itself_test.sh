#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The model beside itself must not differ: the program given as $1 sees whether the model's answers
# hang on anything but what it was asked, such as an address or what memory held before.

set -euo pipefail
for target in model-6.1 model-6.12; do
  for profile in dm thin loop; do
    "$1" --seed=1 --operations=6000 --profile="$profile" --target="$target" --scratch=/scratch |
      tail -n 1
  done
done

# Wrong words are refused with 2.
for words in "" "--seed=x --operations=1" "--operations=1 --nonsense" "--operations=1 --length=0" \
  "--operations=1 --target=model-5.10" "--operations=1 --profile=none" \
  "--operations=1 --scratch=relative"; do
  status=0
  # shellcheck disable=SC2086
  "$1" $words >/dev/null 2>&1 || status=$?
  if ((status != 2)); then
    echo "not refused: $words"
    exit 1
  fi
done
