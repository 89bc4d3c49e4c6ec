# SPDX-License-Identifier: Apache-2.0
"""The directories of the guest's root, for all who add files to it.

The guest's root is made of several archives, and an entry replaces what an earlier archive had at
its path. So each archive starts with the same skeleton and writes its files to paths that go
through no link. Nothing about single programs belongs here.
"""

_DIRECTORIES = {
    "/dev": 0o755,
    "/etc": 0o755,
    "/mnt": 0o755,
    "/proc": 0o555,
    "/root": 0o700,
    "/run": 0o755,
    "/scratch": 0o755,
    "/sys": 0o555,
    "/tmp": 0o1777,
    "/usr/bin": 0o755,
    "/usr/lib": 0o755,
    "/usr/lib64": 0o755,
    "/usr/sbin": 0o755,
    "/var/lib": 0o755,
    "/var/tmp": 0o1777,
}

_MERGED = ["bin", "lib", "lib64", "sbin"]

# What is mounted over at boot; files put there would not be seen.
_COVERED = ["dev", "proc", "run", "scratch", "sys"]


def add_skeleton(archive):
    for path, mode in sorted(_DIRECTORIES.items()):
        archive.directory(path, mode)
    for name in _MERGED:
        archive.symlink("/" + name, "usr/" + name)


def real_path(path):
    """The path without the links of the skeleton: /bin/x is /usr/bin/x."""
    first = path.split("/")[1]
    return "/usr" + path if first in _MERGED else path


def covered(path):
    """The mount point that would hide a file at this path, or None."""
    first = path.split("/")[1]
    return "/" + first if first in _COVERED else None
