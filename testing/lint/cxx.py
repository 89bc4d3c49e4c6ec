# SPDX-License-Identifier: Apache-2.0
"""Just enough C++ for the lint: code without its comments and strings, and the list of includes.

Line numbers survive: what is blanked out keeps its newlines.
"""

import re

_TOKEN = re.compile(
    r"""
    (?P<raw>R"(?P<delim>[^()\\\s]{0,16})\(.*?\)(?P=delim)")
  | (?P<include>^[ \t]*\#[ \t]*include[ \t]*[<"][^>"\n]*[>"])
  | (?P<line>//(?:\\\n|[^\n])*)
  | (?P<block>/\*.*?\*/)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+')
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_INCLUDE = re.compile(r'[<"](?P<path>[^>"]*)[>"]')


def blank(text):
    """The text with comments, string and character literals and includes replaced by spaces."""
    return _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def includes(text):
    """A list of (line number, path, is_quoted), without includes inside comments and strings."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "include":
            continue
        spec = _INCLUDE.search(match.group(0))
        line = text.count("\n", 0, match.start()) + 1
        found.append((line, spec.group("path"), spec.group(0).startswith('"')))
    return found
