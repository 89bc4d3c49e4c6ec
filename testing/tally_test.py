#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feeds tally.py the events and XML files of runs that went well and of runs that did not."""

import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import tally

PASS = '<testcase name="A" status="run" result="completed" classname="S"/>'
FAIL = '<testcase name="B" status="run" classname="S"><failure message="no"/></testcase>'
ERROR = '<testcase name="C" classname="S"><error message="exited with 1"/></testcase>'
SKIP = '<testcase name="D" status="run" result="skipped"><skipped message="root"/></testcase>'
NOT_RUN = '<testcase name="E" status="notrun" result="suppressed" classname="S"/>'


class TallyTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.events = []

    def result(self, label, status, xml=None, shard=1):
        outputs = []
        if xml is not None:
            path = os.path.join(self.folder, "%d %%.xml" % len(self.events))
            with open(path, "w", encoding="utf-8") as file:
                file.write(xml)
            uri = "file://" + path.replace("%", "%25").replace(" ", "%20")
            outputs.append({"name": "test.xml", "uri": uri})
        self.events.append({
            "id": {"testResult": {"label": label, "shard": shard}},
            "testResult": {"status": status, "testActionOutput": outputs},
        })

    def suite(self, *cases):
        return "<testsuites><testsuite>%s</testsuite></testsuites>" % "".join(cases)

    def counts(self):
        counts, self.messages = tally.tally(json.dumps(event) for event in self.events)
        return counts["passed"], counts["failed"], counts["skipped"]

    def test_cases_are_counted_and_not_programs(self):
        self.result("//a:t", "PASSED", self.suite(PASS, PASS, SKIP))
        self.result("//b:t", "FAILED", self.suite(PASS, FAIL, ERROR, NOT_RUN))
        self.assertEqual(self.counts(), (3, 2, 2))
        self.assertIn("failed: //b:t S.B no", self.messages)

    def test_a_program_without_xml_is_one_case(self):
        self.result("//a:t", "PASSED")
        self.result("//b:t", "TIMEOUT")
        self.assertEqual(self.counts(), (1, 1, 0))

    def test_xml_that_does_not_parse_is_one_case(self):
        self.result("//a:t", "FAILED", "<testsuites><testsuite>")
        self.assertEqual(self.counts(), (0, 1, 0))

    def test_a_failed_program_whose_cases_all_passed_is_a_failure(self):
        self.result("//a:t", "FAILED", self.suite(PASS))
        self.assertEqual(self.counts(), (1, 1, 0))

    def test_of_several_attempts_the_last_counts(self):
        self.result("//a:t", "FAILED", self.suite(FAIL))
        self.result("//a:t", "PASSED", self.suite(PASS))
        self.assertEqual(self.counts(), (1, 0, 0))

    def test_shards_add_up(self):
        self.result("//a:t", "PASSED", self.suite(PASS), shard=1)
        self.result("//a:t", "PASSED", self.suite(PASS), shard=2)
        self.assertEqual(self.counts(), (2, 0, 0))

    def test_a_target_that_does_not_build_is_a_failure(self):
        self.events.append({
            "id": {"targetCompleted": {"label": "//a:t"}},
            "completed": {},
        })
        self.events.append({
            "id": {"targetCompleted": {"label": "//b:t"}},
            "aborted": {"reason": "INCOMPLETE"},
        })
        self.events.append({
            "id": {"targetCompleted": {"label": "//c:t"}},
            "completed": {"success": True},
        })
        self.assertEqual(self.counts(), (0, 2, 0))

    def test_no_events_are_no_cases(self):
        self.assertEqual(self.counts(), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
