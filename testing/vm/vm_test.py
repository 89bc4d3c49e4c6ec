#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The body of a dmkit_vm_test: boots one guest, and reports what ran there as if it had run here.

    vm_test.py [option of testing/vm/run]... (--test=PROGRAM... | -- COMMAND...)

googletest programs run one after another, each to its end, also when an earlier one has failed.
Their XML reports come back and are joined into $XML_OUTPUT_FILE; a program that left none (it
crashed, or the guest did) counts as one failed case.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

# What the guest's end and the report take of the time that Bazel allows.
_RESERVE_S = 20


def _guest_script(programs):
    """A shell script that runs all programs and exits with the first status that is not 0."""
    lines = ["#!/bin/sh", "result=0"]
    for number, program in enumerate(programs):
        words = [f"/tests/{program}", f"--gtest_output=xml:/tests/{number}.xml", "--gtest_brief=1"]
        if os.environ.get("TESTBRIDGE_TEST_ONLY"):
            words.append("--gtest_filter=" + os.environ["TESTBRIDGE_TEST_ONLY"])
        lines += [
            f"export TEST_TMPDIR=/scratch/{number}",
            "mkdir -p $TEST_TMPDIR && cd $TEST_TMPDIR || exit",
            " ".join(shlex.quote(word) for word in words),
            "status=$?",
            "[ $status = 0 ] || [ $result != 0 ] || result=$status",
        ]
    return "\n".join(lines + ["exit $result", ""])


def _join(reports, path):
    """Joins the googletest reports {program: file}; a file that is missing is a failed case."""
    joined = ElementTree.Element("testsuites", name="AllTests")
    totals = dict.fromkeys(["tests", "failures", "disabled", "errors"], 0)
    for program, report in reports.items():
        if os.path.exists(report):
            root = ElementTree.parse(report).getroot()
        else:
            root = ElementTree.Element("testsuites", tests="1", failures="1")
            suite = ElementTree.SubElement(root, "testsuite", name=program, tests="1", failures="1")
            case = ElementTree.SubElement(suite, "testcase", name="Ends", classname=program)
            ElementTree.SubElement(case, "failure", message="it did not end by itself")
        for key in totals:
            totals[key] += int(root.get(key, "0"))
        joined.extend(root)
    for key, value in totals.items():
        joined.set(key, str(value))
    ElementTree.ElementTree(joined).write(path, encoding="utf-8", xml_declaration=True)


def _run(arguments):
    timeout = float(os.environ.get("TEST_TIMEOUT", "900")) - _RESERVE_S
    sys.stdout.flush()
    return subprocess.call(["testing/vm/run", f"--timeout={timeout}", *arguments],
                           stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def _run_programs(options, programs, work):
    script = os.path.join(work, "script")
    with open(script, "w", encoding="ascii") as f:
        f.write(_guest_script(programs))
    reports = {}
    arguments = [*options, f"--file={script}:/tests/script"]
    for number, program in enumerate(programs):
        reports[program] = os.path.join(work, f"{number}.xml")
        arguments += [f"--file={program}:/tests/{program}",
                      f"--fetch=/tests/{number}.xml:{reports[program]}"]
    status = _run([*arguments, "--", "sh", "-c", "exec sh /tests/script 2>&1"])
    if os.environ.get("XML_OUTPUT_FILE"):
        _join(reports, os.environ["XML_OUTPUT_FILE"])
    return status


def main():
    programs = []
    rest = []
    for argument in sys.argv[1:]:
        if argument.startswith("--test=") and "--" not in rest:
            programs.append(argument.removeprefix("--test="))
        else:
            rest.append(argument)
    if not programs:
        return _run(rest)
    with tempfile.TemporaryDirectory(prefix="dmkit-vm-test.") as work:
        return _run_programs(rest, programs, work)


if __name__ == "__main__":
    sys.exit(main())
