# SPDX-License-Identifier: Apache-2.0
"""What the lint enforces, as tables: the rooms, what each may use, and what is forbidden where.

Only facts here; lint.py applies them. A path is written from the workspace root.
"""

import re

# Each room and what it may include. Dependencies point down only.
ROOMS = {
    "sys": {"sys"},
    "dm": {"sys", "dm"},
    "loop": {"sys", "loop"},
    "thinp": {"sys", "dm", "loop", "thinp"},
    "driver": {"sys", "dm", "loop", "thinp", "driver"},
    "testing": {"sys", "dm", "loop", "thinp", "driver", "testing"},
}

# Pure files: bytes, text and numbers in, the same out. They include pure files only. Patterns are
# for the path without its extension.
PURE = [
    "sys/byte*",
    "sys/check*",
    "sys/crc32c*",
    "sys/device_number*",
    "sys/errno*",
    "sys/secret*",
    "sys/status*",
    "sys/text*",
    "sys/units*",
    "dm/codec*",
    "dm/commands*",
    "dm/errors*",
    "dm/features*",
    "dm/flags*",
    "dm/keys*",
    "dm/replies*",
    "dm/requests*",
    "dm/targets/*",
    "dm/text*",
    "dm/tracer*",
    "dm/types*",
    "dm/uapi*",
    "dm/udev",
    "loop/codec*",
    "loop/uapi*",
    "thinp/*_line*",
    "thinp/*_status*",
    "thinp/*_target*",
    "thinp/targets*",
    "thinp/thin_id*",
]

# The two files that show the kernel's headers to the codecs.
UAPI = {"dm/uapi.h", "loop/uapi.h"}

# System headers that a pure file has no use for.
IMPURE_HEADERS = re.compile(
    r"^(?:unistd\.h|fcntl\.h|poll\.h|dirent\.h|pthread\.h|signal\.h|sched\.h|spawn\.h"
    r"|chrono|thread|mutex|condition_variable|future|fstream|iostream|filesystem|random"
    r"|linux/.*|sys/(?!types\.h$|sysmacros\.h$).*"
    r"|absl/time/clock\.h|absl/synchronization/.*)$"
)

KERNEL_HEADER = re.compile(r"^linux/")


def _call(names):
    # A plain or ::qualified call; not a method (x.open, x->open) and not another
    # namespace's, except std.
    return re.compile(r"(?<![\w.])(?<!->)(?<!\w::)(?:std::)?(?:%s)\s*\(" % "|".join(names))


# What reaches the operating system, and is therefore said in sys/linux_* only.
FORBIDDEN = [
    ("device or file call", _call([
        "ioctl", "open", "openat", "open64", "creat", "syscall", "mknod", "mknodat", "fsync",
        "fdatasync", "rename", "renameat2?", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
        "opendir", "fdopendir", "readdir", "l?stat", "fstat", "fstatat", "statx", "statfs",
        "readlink", "readlinkat", "flock", "mlockall", "truncate", "ftruncate", "fallocate",
        "f?access", "faccessat", "f?chmod", "fchmodat", "[fl]?chown", "fchownat", "linkat",
        "symlink", "symlinkat", "utimensat", "f?statvfs", "[fl]?[gs]etxattr",
        "[fl]?listxattr", "[fl]?removexattr", "lseek",
        "p?poll", "select", "epoll_wait", "pread", "pwrite",
    ])),
    ("mount call", _call(["mount", "umount", "umount2", "pivot_root"])),
    ("process call", _call([
        "fork", "vfork", "execl", "execlp", "execle", "execv", "execve", "execvp", "execvpe",
        "posix_spawnp?", "system", "popen", "waitpid", "kill",
    ])),
    ("semaphore call", _call(["semget", "semop", "semtimedop", "semctl"])),
    ("clock or sleep", re.compile(
        r"(?<![\w.])(?<!->)(?:sleep|usleep|nanosleep|clock_nanosleep|clock_gettime|gettimeofday)"
        r"\s*\(|(?<![\w.])time\s*\(\s*(?:nullptr|NULL|0|&)"
        r"|\bstd::this_thread\b|\babsl::SleepFor\b|\babsl::Now\b|\babsl::GetCurrentTimeNanos\b"
        r"|\bstd::chrono::(?:system|steady|high_resolution)_clock\b"
    )),
]
# The same, but a test beside its source may: it reads its golden files and TEST_TMPDIR.
FORBIDDEN_OUTSIDE_TESTS = [
    ("environment", re.compile(r"\b(?:secure_)?getenv\b|\bsetenv\s*\(|\benviron\b")),
    ("file stream", re.compile(r"\bstd::[io]?fstream\b|\bstd::filesystem\b|\bfopen\s*\(")),
    ("randomness", re.compile(r"\bstd::random_device\b|\bgetrandom\s*\(|\babsl::BitGen\b")),
]

# Where the calls above are at home.
MAY_CALL = ["sys/linux_*", "testing/vm/*", "testing/bench/*", "testing/fuzz/*"]
MAY_READ_ENVIRONMENT = ["driver/cli/main.cc"]

# Rules of dmkit's own (third_party/defs.bzl) that take the place of Bazel's in our rooms.
PLAIN_RULES = {"cc_library", "cc_binary", "cc_test"}

# What belongs to one machine: home directories and Bazel's output tree. In two parts each, so that
# this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    rb"(?<![\w.])/ro" rb"ot/|(?<![\w.])/ho" rb"me/[a-z]|_bazel_[a-z]+/[0-9a-f]{32}"
)
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")

MAX_LINES = 500
WARN_LINES = 400
MAX_COLUMNS = 100
