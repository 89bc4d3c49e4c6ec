#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# completion_shell_test.sh PROGRAM: the completion scripts in their shells: bash, and zsh and fish
# where they are installed.
set -uo pipefail

program=$(readlink -f "$1")
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

# What there is to complete, and no dmkit that could be run for it.
cd "$TEST_TMPDIR" || exit 1
mkdir -p store/devices bin folder
touch store/devices/{base,image,web,web-2} store/devices/.web.tmp
printf '#!/bin/sh\nprintf "one\\t(254:0)\\ntwo\\t(254:1)\\n"\n' >bin/dmkit
chmod +x bin/dmkit
PATH=$PWD/bin:$PATH

# offers EXPECTED WORD...: bash offers these for the last word.
offers() {
  local expected=$1 got
  shift
  got=$(bash -c '
    source ./bash
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _dmkit
    printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd" "
  ' bash dmkit "$@")
  [[ $got == "$expected" ]] || fail "bash offers for '$*': $got"
}

"$program" completion bash >bash || exit 1
bash -n bash || fail "bash does not read it"
offers "dm" dm
offers "create" cre
offers "check grow status watch" pool ""
offers "--parent" create web --pa
offers "" create w
offers "--format --help --opt --root --trace --version" ls -
offers "web web-2" --root store get we
offers "web web-2" --root = store get we
offers "web web-2" --root=store rm image we
offers "image web web-2" rm --root store ""
offers "image" create --root=store new --parent im
offers "image" create --root=store new --parent = im
offers "--parent=image" create --root=store new --parent=im
offers "" --root store get web ""
offers "json" ls --format j
offers "json text" ls --format =
offers "folder" --root fol
offers "one two" dm table ""
offers "two" dm table one t
offers "bash" completion b
offers "dm.basesize= dm.blkdiscard= dm.blocksize=" ls --opt dm.b
offers "store" loop attach sto
offers "" ls ""
offers "" frobnicate ""
grep -v '^#' bash | sed 's/dmkit dm ls//; s/_dmkit dmkit//' | grep ' dmkit ' &&
  fail "it runs another command of dmkit than dm ls"

"$program" completion zsh >_dmkit || exit 1
if command -v zsh >/dev/null; then
  zsh -n _dmkit || fail "zsh does not read it"
else
  echo "skipped: no zsh"
fi

"$program" completion fish >fish_script || exit 1
if command -v fish >/dev/null; then
  HOME=$PWD
  export HOME
  fish --no-execute fish_script || fail "fish does not read it"
  # fish_offers EXPECTED LINE
  fish_offers() {
    local got
    got=$(fish --no-config -c "source fish_script; complete -C '$2'" |
      cut -f1 | sort | paste -sd' ')
    [[ $got == "$1" ]] || fail "fish offers for '$2': $got"
  }
  fish_offers "check grow status watch" "dmkit pool "
  fish_offers "image web web-2" "dmkit --root store get "
  fish_offers "web web-2" "dmkit --root=store rm image we"
  fish_offers "image" "dmkit --root store create new --parent im"
  fish_offers "one two" "dmkit dm table "
  fish_offers "json text" "dmkit ls --format "
else
  echo "skipped: no fish"
fi

exit $failed
