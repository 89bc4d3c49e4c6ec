#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one violation of each rule in a small clean tree and checks that the lint finds it."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import lint

HEADER = "// SPDX-License-Identifier: Apache-2.0\n"
HASH_HEADER = "# SPDX-License-Identifier: Apache-2.0\n"
ROOMS = ("sys", "dm", "loop", "thinp", "driver", "testing")


class LintTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = os.path.join(holder.name, "checkout")
        for room in ROOMS:
            self.write(room + "/README.md", "# %s\n" % room)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def rules_found(self):
        return [violation.split(": ")[1] for violation in lint.Lint(self.root).run()]

    def check_source(self, path, body, expected):
        """One source with `body`; alone in the tree, it breaks exactly the rules `expected`."""
        self.write(path, HEADER + body)
        with self.subTest(path=path, body=body):
            self.assertEqual(self.rules_found(), expected)
        os.remove(os.path.join(self.root, path))

    def check_build(self, path, body, expected):
        self.write(path, HASH_HEADER + body)
        with self.subTest(path=path, body=body):
            self.assertEqual(self.rules_found(), expected)
        os.remove(os.path.join(self.root, path))

    def test_a_clean_tree_has_no_violations(self):
        self.write("sys/units.h", HEADER + "#include <cstdint>\n")
        self.write("dm/codec.cc", HEADER + '#include "sys/units.h"\n#include "dm/uapi.h"\n')
        self.write("dm/uapi.h", HEADER + "#include <sys/ioctl.h>\n#include <linux/dm-ioctl.h>\n")
        self.write("dm/codec_test.cc", HEADER + '#include "testing/model/kernel.h"\n')
        self.write("driver/cli/main.cc", HEADER + 'int main() { getenv("TERM"); }\n')
        self.assertEqual(self.rules_found(), [])

    def test_includes_point_down_only(self):
        for path, target in (
            ("sys/a.cc", "dm/a.h"),
            ("dm/a.cc", "loop/a.h"),
            ("dm/a.h", "thinp/a.h"),
            ("dm/a_test.cc", "driver/a.h"),
            ("loop/a.cc", "dm/a.h"),
            ("thinp/a.cc", "driver/a.h"),
            ("driver/cli/a.cc", "testing/model/a.h"),
        ):
            self.check_source(path, '#include "%s"\n' % target, ["direction"])
        for path, target in (
            ("thinp/a.cc", "loop/a.h"),
            ("driver/a.cc", "sys/a.h"),
            ("driver/a_test.cc", "testing/model/a.h"),
            ("driver/a_fixture.h", "testing/model/a.h"),
            ("testing/model/a.cc", "dm/uapi.h"),
        ):
            self.check_source(path, '#include "%s"\n' % target, [])

    def test_build_dependencies_point_down_only(self):
        rule = 'dmkit_%s(name = "a", deps = ["%s"])\n'
        for path, kind, label in (
            ("sys/BUILD.bazel", "library", "//dm:a"),
            ("dm/BUILD.bazel", "library", "//loop:a"),
            ("loop/new/BUILD.bazel", "test", "//thinp:a"),
            ("driver/BUILD.bazel", "binary", "//testing/model"),
        ):
            self.check_build(path, rule % (kind, label), ["direction"])
        for path, kind, label in (
            ("driver/BUILD.bazel", "test", "//testing/model"),
            ("driver/BUILD.bazel", "library", "//thinp:a"),
            ("dm/BUILD.bazel", "library", "//third_party:absl"),
        ):
            self.check_build(path, rule % (kind, label), [])
        upward_visibility = 'dmkit_library(name = "a", visibility = ["//thinp:__pkg__"])\n'
        self.check_build("dm/BUILD.bazel", upward_visibility, [])
        in_a_choice = 'dmkit_library(name = "a", deps = select({"//a:b": ["//dm:b"]}))\n'
        self.check_build("sys/BUILD.bazel", in_a_choice, ["direction"])

    def test_rooms_use_the_rules_that_have_our_flags(self):
        for rule in ("cc_library", "cc_test", "native.cc_binary"):
            self.check_build("dm/BUILD.bazel", '%s(name = "a")\n' % rule, ["plain-rule"])
        self.check_build("third_party/BUILD.bazel", 'cc_library(name = "a")\n', [])

    def test_pure_files_include_pure_files_only(self):
        for path, include in (
            ("dm/codec_reply.h", '"sys/host.h"'),
            ("dm/targets/linear.cc", '"dm/device_mapper.h"'),
            ("dm/types.h", "<unistd.h>"),
            ("loop/codec.cc", "<fcntl.h>"),
            ("thinp/pool_status.cc", '"thinp/pool.h"'),
            ("thinp/pool_line.h", "<sys/stat.h>"),
            ("sys/status.h", "<mutex>"),
            ("sys/text.cc", '"absl/time/clock.h"'),
        ):
            self.check_source(path, "#include %s\n" % include, ["pure"])
        for path, include in (
            ("dm/targets/linear.cc", '"sys/text.h"'),
            ("dm/codec_test.cc", "<fstream>"),
            ("dm/types.h", "<sys/types.h>"),
            ("dm/device_mapper.h", '"sys/host.h"'),
        ):
            self.check_source(path, "#include %s\n" % include, [])

    def test_kernel_headers_have_two_doors(self):
        for path in ("dm/device_mapper.cc", "dm/codec.cc", "sys/host.h", "testing/model/a.cc"):
            self.check_source(path, "#include <linux/loop.h>\n", ["kernel-header"])
        for path in ("dm/uapi.h", "loop/uapi.h", "sys/linux_device.cc", "testing/vm/guest.cc"):
            self.check_source(path, "#include <linux/loop.h>\n", [])

    def test_the_operating_system_is_reached_through_the_seam_only(self):
        for call in (
            "ioctl(fd, 1);",
            "::open(path, 0);",
            "int fd = open(path, 0);",
            "openat (fd, path, 0);",
            "std::rename(a, b);",
            "syscall(437);",
            "chmod(a, 0);",
            "access(a, 0);",
            "lsetxattr(a, b, c, d, 0);",
            "poll(a, 1, 0);",
            "mount(a, b, c, 0, d);",
            "umount2(a, 0);",
            "fork();",
            "::execve(a, b, c);",
            "semop(a, b, c);",
            "sleep(1);",
            "usleep(1);",
            "::nanosleep(a, b);",
            "clock_gettime(CLOCK_MONOTONIC, &t);",
            "time(nullptr);",
            "std::this_thread::yield();",
            "absl::SleepFor(absl::Seconds(1));",
            "absl::Time t = absl::Now();",
            "std::chrono::steady_clock::now();",
        ):
            for path in ("dm/a.cc", "driver/a_test.cc", "testing/model/a.cc", "sys/retry.cc"):
                self.check_source(path, "void F() { %s }\n" % call, ["forbidden-call"])
            for path in ("sys/linux_file.cc", "testing/vm/guest.cc", "testing/bench/floor.cc"):
                self.check_source(path, "void F() { %s }\n" % call, [])

    def test_only_tests_and_main_read_the_environment(self):
        for body in ('getenv("A");', "secure_getenv(a);", "std::ifstream f(a);", "fopen(a, b);"):
            self.check_source("thinp/a.cc", "void F() { %s }\n" % body, ["forbidden-call"])
            self.check_source("thinp/a_test.cc", "void F() { %s }\n" % body, [])
        self.check_source("driver/cli/main.cc", 'void F() { getenv("A"); }\n', [])
        self.check_source("driver/cli/words.cc", 'void F() { getenv("A"); }\n', ["forbidden-call"])

    def test_what_only_looks_like_a_call_is_no_violation(self):
        for body in (
            "// ioctl(fd) is what the kernel sees.\n",
            "/* open(path)\n   sleep(1) */\n",
            'const char* kText = "mount(a) \\" fork()";\n',
            'const char* kRaw = R"x(open(")x";\n',
            "void F() { host.open(a); host->mount(b); reopen(c); Pool::rename(d); }\n",
            "void F() { Open(a); Ioctl(b); int time = 0; Sleep(time); }\n",
            "const long kBig = 1'000'000; // '\n",
        ):
            self.check_source("dm/a.cc", body, [])
        after_a_quote = "const char kQuote = '\"'; void F() { fork(); }\n"
        self.check_source("dm/a.cc", after_a_quote, ["forbidden-call"])

    def test_includes_are_written_from_the_root(self):
        for target in ("codec.h", "./codec.h", "../dm/codec.h"):
            self.check_source("dm/a.cc", '#include "%s"\n' % target, ["relative-include"])
        self.check_source("dm/a.cc", '// #include "codec.h"\n', [])

    def test_every_source_names_its_licence(self):
        self.write("dm/a.cc", "int a;\n")
        self.write("dm/new/BUILD.bazel", "\n")
        self.write("testing/check", "#!/bin/sh\n")
        self.assertEqual(self.rules_found(), ["spdx", "spdx", "spdx"])

    def test_length_tabs_and_columns(self):
        self.check_source("dm/a.cc", "\n" * 499, [])
        self.check_source("dm/a.cc", "\n" * 500, ["length"])
        self.check_source("dm/a.cc", "int a;\t\n", ["tab"])
        self.check_source("dm/a.cc", "//" + "x" * 98 + "\n", [])
        self.check_source("dm/a.cc", "//" + "x" * 99 + "\n", ["columns"])

    def test_a_long_file_is_a_warning_first(self):
        self.write("dm/a.cc", HEADER + "\n" * 400)
        found = lint.Lint(self.root)
        self.assertEqual(found.run(), [])
        self.assertEqual(found.warnings, ["dm/a.cc: 401 lines"])

    def test_marks_of_unfinished_work(self):
        for mark in ("TO" + "DO", "FIX" + "ME"):
            self.check_source("dm/a.cc", "// %s: later\n" % mark, ["unfinished"])

    def test_paths_of_one_machine(self):
        for where in ("/ro" + "ot/x", "/ho" + "me/ann", self.root + "/dm"):
            self.check_source("dm/testdata/README.md", "made in %s\n" % where, ["machine-path"])
        self.check_source("dm/testdata/README.md", "pivot to guest/ro" + "ot/x, below /\n", [])

    def test_every_room_has_a_readme(self):
        os.remove(os.path.join(self.root, "loop/README.md"))
        self.assertEqual(self.rules_found(), ["readme"])
        os.rmdir(os.path.join(self.root, "loop"))
        self.assertEqual(self.rules_found(), [])

    def test_the_exit_status_says_whether_something_was_found(self):
        self.write("WORKSPACE", HASH_HEADER)
        anchor = os.path.join(self.root, "WORKSPACE")
        self.assertEqual(lint.main(["lint.py", anchor]), 0)
        self.write("dm/a.cc", HEADER + "\t\n")
        self.assertEqual(lint.main(["lint.py", anchor]), 1)
        self.assertEqual(lint.main(["lint.py"]), 2)


if __name__ == "__main__":
    unittest.main()
