#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the test cases of one Bazel run: `tally.py EVENTS` prints `passed failed skipped`.

EVENTS is what --build_event_json_file wrote, so exactly the tests of that run are counted, cached
ones too. Each test.xml is read for its cases; a test that left none counts as one case. Names of
failed and skipped cases go to standard error, with what they say first.
"""

import json
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

GOOD = ("PASSED", "FLAKY")
WORDS_MAX = 400


def count_case(case):
    """One of "passed", "failed", "skipped" for a <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("result") in ("skipped", "suppressed"):
        return "skipped"
    return "skipped" if case.get("status") == "notrun" else "passed"


def first_words(case):
    """The first lines of what a failed or skipped <testcase> says, as one line."""
    for tag in ("failure", "error", "skipped"):
        found = case.find(tag)
        if found is not None:
            return " ".join((found.get("message") or found.text or "").split())[:WORDS_MAX]
    return ""


def read_cases(result):
    """(name, verdict, words) of each case in a testResult event; empty without readable XML."""
    for output in result.get("testActionOutput", []):
        if output.get("name") != "test.xml" or "uri" not in output:
            continue
        path = urllib.request.url2pathname(urllib.parse.urlparse(output["uri"]).path)
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError):
            return []
        return [
            ("%s.%s" % (case.get("classname", ""), case.get("name", "")), count_case(case),
             first_words(case))
            for case in root.iter("testcase")
        ]
    return []


def tally(lines):
    """The three counts and a list of messages, from the lines of a build event file."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    messages = []
    # An attempt that was retried leaves several results: the last one of a shard counts.
    results = {}
    unbuilt = {}
    for line in lines:
        event = json.loads(line)
        ident = event.get("id", {})
        if "testResult" in ident and "testResult" in event:
            key = (ident["testResult"]["label"], ident["testResult"].get("shard", 1))
            results[key] = event["testResult"]
        elif "targetCompleted" in ident and not event.get("completed", {}).get("success"):
            unbuilt[ident["targetCompleted"]["label"]] = True
    for (label, _), result in sorted(results.items()):
        cases = read_cases(result)
        good = result.get("status") in GOOD
        if not cases or (not good and all(verdict != "failed" for _, verdict, _ in cases)):
            cases.append(("the test program: %s" % result.get("status"),
                          "passed" if good else "failed", ""))
        for name, verdict, words in cases:
            counts[verdict] += 1
            if verdict != "passed":
                messages.append(("%s: %s %s %s" % (verdict, label, name, words)).rstrip())
    tested = {label for label, _ in results}
    for label in sorted(unbuilt):
        if label not in tested:
            counts["failed"] += 1
            messages.append("failed: %s does not build" % label)
    return counts, messages


def main(arguments):
    if len(arguments) != 2:
        print("usage: tally.py EVENTS", file=sys.stderr)
        return 2
    with open(arguments[1], encoding="utf-8") as events:
        counts, messages = tally(events)
    for message in messages:
        print(message, file=sys.stderr)
    print(counts["passed"], counts["failed"], counts["skipped"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
