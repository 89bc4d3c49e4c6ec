#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""dm/REFERENCE.md and the cases belong together: no name in its brackets is of a case that does not
exist, no case is without a name there, and no item of a list is without a case.

    reference_test.py CONFORMANCE REFERENCE
"""

import re
import subprocess
import sys

_NAME = re.compile(r"\b(?:Dm|Thin|Loop)[A-Z0-9]\w*\.[A-Z]\w+")
_BRACKETS = re.compile(r"\[([^\]]*)\]")


def cases(program):
    return set(subprocess.check_output([program, "--list"], text=True).split())


def named(text):
    return {name for words in _BRACKETS.findall(text) for name in _NAME.findall(words)}


def items_without(text):
    """The items of lists that name no case."""
    items = re.split(r"\n(?=- |\d+\. |#|\n)", text)
    return [item for item in items if item.startswith("- ") and not named(item)]


def main(program, reference):
    with open(reference, encoding="utf-8") as f:
        text = f.read()
    there = cases(program)
    problems = [f"{name}: named in the reference, but no case" for name in named(text) - there]
    problems += [f"{name}: a case that the reference does not name" for name in there - named(text)]
    problems += [f"names no case: {item}" for item in items_without(text)]
    print("\n".join(sorted(problems)))
    print(f"{len(there)} cases")
    return 1 if problems or not there else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
