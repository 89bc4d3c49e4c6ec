#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Compares what two tools did with the same scenes, line by line.

    compare.py RESULTS DIFFERENCES SCENE...

RESULTS is the directory that in_guest.sh made. Exit status 0: all that differs is listed in
DIFFERENCES and everything listed there differs. Writes $XML_OUTPUT_FILE, a case for each line.
Nothing here knows what a tool should do.
"""

import collections
import difflib
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

# The states: before udevd was given time to end what it does, and after that. Many lines have none.
_STATES = ["at_once", "state"]
PARTS = ["stdout", "stderr", "status", *_STATES]

# Random or counted by the kernel, and so different in any two runs of one tool.
_NORMALISED = [
    (re.compile(r"\b0x0?[dD]4[dD][0-9a-fA-F]{4}\b"), "COOKIE"),
    (re.compile(r"\bcookie value \d+\b"), "cookie value N"),
    (re.compile(r"\bsemid \d+\b"), "semid N"),
    # A line of `udevcookies`: cookie, semid, value, two times.
    (re.compile(r"^COOKIE +\d+ +(\d+) +\S.*$", re.MULTILINE), r"COOKIE N \1 TIMES"),
    (re.compile(r"\bprocess \d+\b"), "process N"),
]

Line = collections.namedtuple("Line", ["scene", "number", "title", "command", "passes"])
Listed = collections.namedtuple("Listed", ["parts", "reason"])
# Where the reference's state matches, ours has the replacement: a default that differs.
Default = collections.namedtuple("Default", ["pattern", "replacement"])


class Bad(Exception):
    """A file that is not as README.md says."""


def read_scene(path):
    """The compared lines of a scene file."""
    name = os.path.basename(path).removesuffix(".scene")
    lines, passes, title = [], None, None
    with open(path, encoding="utf-8") as f:
        for number, text in enumerate(f.read().split("\n"), 1):
            if text.startswith("passes: "):
                passes = text.split()[1:]
            elif text.startswith("== "):
                title = text[3:]
            elif text and not text.startswith("#"):
                if not passes or not title:
                    raise Bad(f"{path}:{number}: a command before `passes:` and a title")
                if not text.startswith("+ "):
                    lines.append(Line(name, number, title, text, passes))
    if not lines:
        raise Bad(f"{path}: compares nothing")
    return lines


def read_differences(path):
    """What is listed: {(scene, command): Listed} from blocks of commands, parts and a reason, and
    [Default] from blocks of a `state` rule and a reason."""
    listed, defaults = {}, []
    with open(path, encoding="utf-8") as f:
        text = "".join(line for line in f if not line.startswith("#"))
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.split("\n") if block else []
        commands = [line for line in lines if not line.startswith("  ")]
        rest = [line.strip() for line in lines if line.startswith("  ")]
        if not lines:
            continue
        if commands and commands[0].startswith("state: ") and len(commands) == 1 and rest:
            pattern, _, replacement = commands[0].removeprefix("state: ").partition(" => ")
            defaults.append(Default(re.compile(pattern), replacement))
            continue
        if not commands or len(rest) < 2:
            raise Bad(f"{path}: needs commands, parts and a reason: {block!r}")
        parts = rest[0].split()
        if set(parts) - set(PARTS):
            raise Bad(f"{path}: unknown part in {rest[0]!r}")
        for command in commands:
            scene, _, words = command.partition(": ")
            if (scene, words) in listed:
                raise Bad(f"{path}: listed twice: {command}")
            listed[scene, words] = Listed(set(parts), " ".join(rest[1:]))
    return listed, defaults


def _read(path, defaults=()):
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as f:
            text = f.read()
    except FileNotFoundError:
        return None
    for pattern, replacement in defaults:
        text = pattern.sub(replacement, text)
    for pattern, replacement in _NORMALISED:
        text = pattern.sub(replacement, text)
    return text


def compare_line(results, line, defaults=()):
    """{(pass, part): (reference's, ours)} for what differs; raises Bad when it did not run."""
    differing = {}
    for one in line.passes:
        base = f"{line.scene}.{line.number}"
        for part in PARTS:
            rules = defaults if part in _STATES else ()
            both = [_read(f"{results}/{one}/{tool}/{base}.{part}", rules)
                    for tool in ["debian", "dmkit"]]
            if None in both and (part not in _STATES or both != [None, None]):
                raise Bad(f"{line.scene}.scene:{line.number} was not run in the pass {one}")
            if both[0] != both[1]:
                differing[one, part] = both
    return differing


def _disagreement(both):
    """The lines that only one of the two has."""
    lines = [collections.Counter(text.split("\n")) for text in both]
    return lines[0] - lines[1], lines[1] - lines[0]


class _Scene:
    """What is known to differ in the state since an earlier line of the same scene: that line has
    been judged for it, and those that come after it are innocent."""

    def __init__(self):
        self._title = None
        self._known = {}

    def new_differences(self, line, differing):
        """{part: (reference's, ours)} without the differing states that were there before."""
        if self._title != (line.scene, line.title):
            self._title = line.scene, line.title
            self._known = {}
        new = {}
        for (one, part), both in differing.items():
            if part in _STATES:
                disagreement = _disagreement(both)
                if self._known.get(one) == disagreement:
                    continue
                if part == "state":
                    self._known[one] = disagreement
            new.setdefault(part, both)
        return new


def broken_steps(results):
    """What a step around the compared lines printed that failed, as {path: text}: a new scene, a
    line that prepares, a look at the state."""
    broken = {}
    for directory, _, files in os.walk(results):
        for name in files:
            if name.endswith(".broken"):
                broken[os.path.join(directory, name)] = _read(os.path.join(directory, name))
    return broken


def _describe(differing):
    out = []
    for part, (reference, ours) in differing.items():
        diff = difflib.unified_diff(reference.splitlines(), ours.splitlines(), "debian", "dmkit",
                                    n=1, lineterm="")
        out += [f"  {part}:"] + ["    " + text for text in diff]
    return "\n".join(out)


def _idle_defaults(results, defaults, lines):
    """Those of which no state shows that they are needed."""
    idle = list(defaults)
    for line in lines:
        for one in line.passes:
            base = f"{line.scene}.{line.number}.state"
            reference, ours = (_read(f"{results}/{one}/{tool}/{base}") or ""
                               for tool in ["debian", "dmkit"])
            idle = [(pattern, replacement) for pattern, replacement in idle
                    if len(pattern.findall(reference)) <= len(pattern.findall(ours))]
    return idle


def judge(results, listed, lines, defaults=()):
    """[(line, complaint or "")] for all lines, with the complaints about the list itself last."""
    verdicts, seen = [], collections.defaultdict(set)
    scene = _Scene()
    for line in lines:
        differing = scene.new_differences(line, compare_line(results, line, defaults))
        key = line.scene, line.command
        seen[key] |= set(differing)
        unlisted = {part: both for part, both in differing.items()
                    if key not in listed or part not in listed[key].parts}
        verdicts.append((line, _describe(unlisted) if unlisted else ""))
    played = {line.scene for line in lines}
    for (scene, command), entry in listed.items():
        gone = entry.parts - seen.get((scene, command), set())
        if scene in played and gone:
            line = Line(scene, 0, "listed differences", command, [])
            verdicts.append((line, f"  listed as different, but is not: {' '.join(sorted(gone))}"))
    # A choice of scenes need not show every default.
    whole = not os.environ.get("TESTBRIDGE_TEST_ONLY")
    for pattern, _ in _idle_defaults(results, defaults, lines) if whole else []:
        line = Line("", 0, "listed defaults", pattern.pattern, [])
        verdicts.append((line, "  listed as another default, but no state shows it"))
    return verdicts


def write_report(path, verdicts):
    failed = sum(1 for _, complaint in verdicts if complaint)
    suites = ElementTree.Element("testsuites", name="AllTests", tests=str(len(verdicts)),
                                 failures=str(failed), disabled="0", errors="0")
    suite = ElementTree.SubElement(suites, "testsuite", name="dmsetup", tests=str(len(verdicts)),
                                   failures=str(failed), disabled="0", errors="0")
    for line, complaint in verdicts:
        name = f"{line.scene}.{line.number}: {line.command}"
        case = ElementTree.SubElement(suite, "testcase", name=name, classname=line.scene,
                                      status="run")
        if complaint:
            ElementTree.SubElement(case, "failure", message=complaint)
    ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def main():
    results, differences, *scenes = sys.argv[1:]
    try:
        lines = [line for scene in scenes for line in read_scene(scene)]
        listed, defaults = read_differences(differences)
        verdicts = judge(results, listed, lines, defaults)
    except Bad as error:
        sys.exit(str(error))
    for path, text in broken_steps(results).items():
        verdicts.append((Line(path, 0, "", "a step around the lines failed", []), "  " + text))
    for line, complaint in verdicts:
        if complaint:
            print(f"{line.scene}:{line.number}: {line.command}\n{complaint}")
    if os.environ.get("XML_OUTPUT_FILE"):
        write_report(os.environ["XML_OUTPUT_FILE"], verdicts)
    failed = sum(1 for _, complaint in verdicts if complaint)
    played = {line.scene for line in lines}
    expected = sum(1 for scene, _ in listed if scene in played)
    print(f"{len(lines)} lines compared, {expected} differ as listed, {failed} complaints")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
