#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Enforces the house rules on the whole tree: `lint.py FILE`, FILE being any file at its root.

Walks the tree itself, so that a new package is checked without being listed anywhere. Prints one
`path:line: rule: what` per violation. The rules are in rules.py.
"""

import ast
import fnmatch
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import cxx
import rules

CXX = (".cc", ".h")
SOURCES = CXX + (".proto", ".bzl", ".py", ".sh", ".bazel")


class Lint:
    """Collects the violations of one tree."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.violations = []
        self.warnings = []

    def add(self, path, line, rule, what):
        self.violations.append("%s:%d: %s: %s" % (path, line, rule, what))

    def run(self):
        for path in self.files():
            with open(os.path.join(self.root, path), "rb") as file:
                data = file.read()
            self.machine_paths(path, data)
            if not is_source(path, data):
                continue
            text = data.decode("utf-8", "replace")
            self.text_rules(path, text)
            if path.endswith(CXX):
                self.includes(path, text)
                self.calls(path, text)
            if os.path.basename(path) == "BUILD.bazel":
                self.build_file(path, text)
        for room in rules.ROOMS:
            if os.path.isdir(os.path.join(self.root, room)):
                if not os.path.isfile(os.path.join(self.root, room, "README.md")):
                    self.add(room, 1, "readme", "the room has no README.md")
        return self.violations

    def files(self):
        """Every file that could be tracked; links are not followed (bazel-* are links)."""
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in (".git", "__pycache__"))
            for name in sorted(names):
                full = os.path.join(folder, name)
                if not os.path.islink(full) and name != "user.bazelrc":
                    found.append(os.path.relpath(full, self.root))
        return found

    def machine_paths(self, path, data):
        match = rules.MACHINE_PATHS.search(data)
        own = self.root.encode() + b"/"
        at = match.start() if match else -1
        # A checkout directly below / has too plain a name to look for.
        if at < 0 and self.root.count("/") > 1:
            at = data.find(own)
        if at >= 0:
            self.add(path, data.count(b"\n", 0, at) + 1, "machine-path", "a path of one machine")

    def text_rules(self, path, text):
        lines = text.split("\n")
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
            self.add(path, 1, "spdx", "the first lines name no licence")
        count = len(lines) - 1
        if not path.endswith(".bazel"):
            if count > rules.MAX_LINES:
                self.add(path, count, "length", "%d lines; is it one idea?" % count)
            elif count > rules.WARN_LINES:
                self.warnings.append("%s: %d lines" % (path, count))
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                self.add(path, number, "tab", "a tab")
            if len(line) > rules.MAX_COLUMNS:
                self.add(path, number, "columns", "%d columns" % len(line))
            if rules.UNFINISHED.search(line):
                self.add(path, number, "unfinished", "a mark of unfinished work")

    def includes(self, path, text):
        room = path.split("/")[0]
        allowed = set(rules.ROOMS.get(room, rules.ROOMS))
        if is_test(path):
            allowed.add("testing")
        pure = is_pure(path)
        for line, target, quoted in cxx.includes(text):
            top = target.split("/")[0]
            if target.startswith(".") or (quoted and "/" not in target):
                self.add(path, line, "relative-include", "%s: write it from the root" % target)
            elif quoted and top in rules.ROOMS:
                if top not in allowed:
                    self.add(path, line, "direction", "%s may not include %s" % (room, target))
                elif pure and not is_pure(target):
                    self.add(path, line, "pure", "a pure file may not include %s" % target)
            elif rules.KERNEL_HEADER.match(target):
                if path not in rules.UAPI and not matches(path, rules.MAY_CALL):
                    self.add(path, line, "kernel-header", "<%s> belongs in sys/linux_*" % target)
            elif pure and path not in rules.UAPI and rules.IMPURE_HEADERS.match(target):
                self.add(path, line, "pure", "a pure file may not include <%s>" % target)

    def calls(self, path, text):
        if path.split("/")[0] not in rules.ROOMS or matches(path, rules.MAY_CALL):
            return
        banned = list(rules.FORBIDDEN)
        if not is_test(path):
            banned += rules.FORBIDDEN_OUTSIDE_TESTS
        code = cxx.blank(text)
        for what, pattern in banned:
            if what == "environment" and path in rules.MAY_READ_ENVIRONMENT:
                continue
            for match in pattern.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                call = " ".join(match.group(0).split())
                self.add(path, line, "forbidden-call", "%s: %s" % (what, call))

    def build_file(self, path, text):
        room = path.split("/")[0]
        if room not in rules.ROOMS:
            return
        for call in ast.walk(ast.parse(text)):
            if isinstance(call, ast.Call) and isinstance(call.func, (ast.Name, ast.Attribute)):
                self.build_rule(path, room, call)

    def build_rule(self, path, room, call):
        name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
        if name in rules.PLAIN_RULES:
            self.add(path, call.lineno, "plain-rule", "%s: use dmkit_*, it has our flags" % name)
        arguments = {k.arg: k.value for k in call.keywords}
        testonly = getattr(arguments.get("testonly"), "value", False)
        allowed = set(rules.ROOMS[room])
        if testonly or name.endswith("test") or name == "dmkit_fuzz_target":
            allowed.add("testing")
        for key in ("deps", "srcs", "data"):
            for node in ast.walk(arguments.get(key, ast.Constant(None))):
                label = getattr(node, "value", None)
                match = re.match(r"//(\w+)[/:]", label) if isinstance(label, str) else None
                if match and match.group(1) in rules.ROOMS and match.group(1) not in allowed:
                    self.add(path, node.lineno, "direction", "%s may not use %s" % (room, label))


def is_source(path, data):
    name = os.path.basename(path)
    return path.endswith(SOURCES) or name in ("WORKSPACE", ".bazelrc") or data.startswith(b"#!")


def is_test(path):
    ends = ("_test.cc", "_fuzz.cc", "_fixture.h", "_fixture.cc")
    return path.endswith(ends) or path.startswith("testing/")


def is_pure(path):
    return not is_test(path) and matches(os.path.splitext(path)[0], rules.PURE)


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def main(arguments):
    if len(arguments) != 2:
        print("usage: lint.py FILE-AT-THE-ROOT", file=sys.stderr)
        return 2
    lint = Lint(os.path.dirname(os.path.realpath(arguments[1])))
    violations = lint.run()
    for warning in lint.warnings:
        print("warning: " + warning)
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
