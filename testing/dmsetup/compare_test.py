#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Tests compare.py on results that are made up."""

import os
import tempfile
import unittest

import compare

_SCENE = """# comment
passes: plain
== title
+ prepares
dmsetup ls
dmsetup remove a
"""


class CompareTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self._root = directory.name
        self._scene = self._write("some.scene", _SCENE)
        for tool in ["debian", "dmkit"]:
            for number in [5, 6]:
                self._result(tool, number, stdout="same\n", stderr="", status="0\n")

    def _write(self, path, text):
        path = os.path.join(self._root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def _result(self, tool, number, **parts):
        for part, text in parts.items():
            self._write(f"results/plain/{tool}/some.{number}.{part}", text)

    def _complaints(self, differences=""):
        listed, defaults = compare.read_differences(self._write("differences", differences))
        verdicts = compare.judge(os.path.join(self._root, "results"), listed,
                                 compare.read_scene(self._scene), defaults)
        return [(line.command, complaint) for line, complaint in verdicts if complaint]

    def test_equal_results_are_no_complaint(self):
        self.assertEqual(self._complaints(), [])

    def test_lines_are_those_that_do_not_prepare(self):
        lines = compare.read_scene(self._scene)
        self.assertEqual([(line.number, line.command) for line in lines],
                         [(5, "dmsetup ls"), (6, "dmsetup remove a")])

    def test_each_part_that_differs_is_a_complaint(self):
        for part in ["stdout", "stderr", "status"]:
            self._result("dmkit", 5, **{part: "other\n"})
            (command, complaint), = self._complaints()
            self.assertEqual(command, "dmsetup ls")
            self.assertIn(f"{part}:", complaint)
            self.assertIn("+other", complaint)
            self._result("dmkit", 5, **{part: {"stdout": "same\n", "stderr": "",
                                               "status": "0\n"}[part]})

    def test_another_state_afterwards_is_a_complaint(self):
        self._result("debian", 6, state="gone\n")
        self._result("dmkit", 6, state="there\n")
        self.assertEqual(len(self._complaints()), 1)

    def test_a_state_of_one_tool_alone_is_refused(self):
        self._result("debian", 6, state="gone\n")
        with self.assertRaises(compare.Bad):
            self._complaints()

    def test_only_the_line_that_made_a_state_differ_is_to_blame(self):
        for number in [5, 6]:
            self._result("debian", number, state="common\n")
            self._result("dmkit", number, state="common\nmore\n")
        self.assertEqual([command for command, _ in self._complaints()], ["dmsetup ls"])
        self._result("dmkit", 6, state="common\nmore\nstill more\n")
        self.assertEqual(len(self._complaints()), 2)

    def test_what_was_not_waited_for_is_a_complaint(self):
        for number in [5, 6]:
            self._result("debian", number, at_once="link\n", state="link\n")
            self._result("dmkit", number, at_once="link\n", state="link\n")
        self._result("dmkit", 6, at_once="")
        (command, complaint), = self._complaints()
        self.assertEqual(command, "dmsetup remove a")
        self.assertIn("at_once:", complaint)
        self.assertNotIn("state:", complaint)

    def test_a_difference_that_was_there_before_is_no_lack_of_waiting(self):
        self._result("debian", 5, state="common\n")
        self._result("dmkit", 5, state="common\nmore\n")
        self._result("debian", 6, at_once="common\n", state="common\n")
        self._result("dmkit", 6, at_once="common\nmore\n", state="common\nmore\n")
        self.assertEqual([command for command, _ in self._complaints()], ["dmsetup ls"])

    def test_what_is_listed_may_differ(self):
        self._result("dmkit", 5, stdout="other\n")
        self.assertEqual(self._complaints("some: dmsetup ls\n  stdout\n  Because.\n"), [])

    def test_a_listed_line_may_not_differ_in_another_part(self):
        self._result("dmkit", 5, stdout="other\n", status="1\n")
        (_, complaint), = self._complaints("some: dmsetup ls\n  stdout\n  Because.\n")
        self.assertIn("status:", complaint)
        self.assertNotIn("stdout:", complaint)

    def test_a_listed_difference_that_is_gone_is_a_complaint(self):
        complaints = self._complaints("some: dmsetup ls\n  stdout\n  Because.\n")
        self.assertEqual([command for command, _ in complaints], ["dmsetup ls"])

    def test_a_listed_line_that_is_in_no_scene_is_a_complaint(self):
        self.assertEqual(len(self._complaints("some: dmsetup gone\n  stdout\n  Because.\n")), 1)

    def test_scenes_that_are_not_played_do_not_matter(self):
        self.assertEqual(self._complaints("another: dmsetup ls\n  stdout\n  Because.\n"), [])

    def test_a_line_that_was_not_run_is_refused(self):
        os.remove(os.path.join(self._root, "results/plain/dmkit/some.6.status"))
        with self.assertRaises(compare.Bad):
            self._complaints()

    def test_cookies_and_semaphores_are_no_difference(self):
        self._result("debian", 5, stdout="0xd4d1234   7          1          Mon Nov  1 2021  x\n")
        self._result("dmkit", 5, stdout="0xd4dabcd   12         1          Tue Nov  2 2021  x\n")
        self.assertEqual(self._complaints(), [])

    def test_the_value_of_a_semaphore_is_a_difference(self):
        self._result("debian", 5, stdout="0xd4d1234   7          1          Mon Nov  1 2021  x\n")
        self._result("dmkit", 5, stdout="0xd4d1234   7          2          Mon Nov  1 2021  x\n")
        self.assertEqual(len(self._complaints()), 1)

    def test_another_default_is_no_difference_where_it_is_listed(self):
        self._result("debian", 6, state="mode 660 a\n")
        self._result("dmkit", 6, state="mode 600 a\n")
        self.assertEqual(len(self._complaints()), 1)
        self.assertEqual(self._complaints("state: mode 660 => mode 600\n  Because.\n"), [])

    def test_a_listed_default_that_nothing_shows_is_a_complaint(self):
        for tool in ["debian", "dmkit"]:
            self._result(tool, 6, state="mode 660 a\n")
        self.assertEqual(len(self._complaints("state: mode 660 => mode 600\n  Because.\n")), 1)

    def test_lists_that_say_nothing_are_refused(self):
        for text in ["some: dmsetup ls\n", "some: dmsetup ls\n  stdout\n", "  stdout\n  Because.\n",
                     "some: dmsetup ls\n  colour\n  Because.\n",
                     "some: a\nsome: a\n  stdout\n  Because.\n"]:
            with self.assertRaises(compare.Bad, msg=text):
                compare.read_differences(self._write("differences", text))

    def test_scenes_that_compare_nothing_are_refused(self):
        for text in ["", "passes: plain\n== title\n+ prepares\n", "passes: plain\ndmsetup ls\n",
                     "== title\ndmsetup ls\n"]:
            with self.assertRaises(compare.Bad, msg=text):
                compare.read_scene(self._write("bad.scene", text))

    def test_failed_steps_are_found(self):
        self._write("results/plain/debian/some.4.broken", "no such device\n")
        broken = compare.broken_steps(os.path.join(self._root, "results"))
        self.assertEqual(list(broken.values()), ["no such device\n"])


if __name__ == "__main__":
    unittest.main()
