# SPDX-License-Identifier: Apache-2.0
"""Writes cpio archives ("newc"), the form in which a kernel takes its initramfs.

The same input gives the same bytes: everything belongs to root and has no time. Archives may be
joined end to end, and a later one adds to and replaces what an earlier one brought. Nothing about
kernels, programs or QEMU belongs here.
"""

import os
import stat

# The kernel skips zero bytes between joined archives up to the next multiple of four; whole blocks
# are what other tools write.
_BLOCK = 512


class Archive:
    """An archive under construction in a binary file; used as a context manager."""

    def __init__(self, file):
        self._file = file
        self._size = 0
        self._inode = 0
        self._directories = set()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._entry("TRAILER!!!", 0, b"")
            self._put(b"\0" * (-self._size % _BLOCK))

    def directory(self, path, mode=0o755):
        """Adds a directory, and those above it, once."""
        path = _relative(path)
        if not path or path in self._directories:
            return
        self._parent(path)
        self._directories.add(path)
        self._entry(path, stat.S_IFDIR | mode, b"")

    def symlink(self, path, target):
        self._parent(_relative(path))
        self._entry(_relative(path), stat.S_IFLNK | 0o777, os.fsencode(target))

    def bytes(self, path, content, mode=0o644):
        self._parent(_relative(path))
        self._entry(_relative(path), stat.S_IFREG | stat.S_IMODE(mode), content)

    def file(self, path, source):
        """Adds what `source` is or points to: a file with its mode bits, or a directory with all
        below it. Symbolic links inside a directory stay links."""
        if not os.path.isdir(source):
            with open(source, "rb") as f:
                self.bytes(path, f.read(), os.fstat(f.fileno()).st_mode)
            return
        self.directory(path, stat.S_IMODE(os.stat(source).st_mode))
        for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
            below = os.path.join(path, entry.name)
            if entry.is_symlink():
                self.symlink(below, os.readlink(entry.path))
            elif entry.is_file() or entry.is_dir():
                self.file(below, entry.path)
            else:
                raise ValueError(f"{entry.path}: neither a file nor a directory nor a link")

    def _parent(self, path):
        self.directory(os.path.dirname(path))

    def _entry(self, path, mode, content):
        self._inode += 1
        name = os.fsencode(path) + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        self._put(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
        self._put(b"\0" * (-self._size % 4))
        self._put(content)
        self._put(b"\0" * (-self._size % 4))

    def _put(self, data):
        self._file.write(data)
        self._size += len(data)


def _relative(path):
    return os.path.normpath("/" + path).lstrip("/")
