#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Makes lvm2 for the guest out of Debian's packages, as a cpio archive.

    pack_lvm.py OUTPUT PACKAGE.deb...

The programs, their configuration, their rules for udev, and dmeventd with its plugins, as the
packages bring them; other libraries come from this host. The packages are not installed: their
services would start, on a host that may well be a container.
"""

import os
import subprocess
import sys
import tempfile

import cpio
import layout
import pack_userland

_LIBRARIES = "/lib/x86_64-linux-gnu"

# Documentation, and what a service manager wants.
_LEFT_OUT = ["/lib/systemd/", "/usr/lib/tmpfiles.d/", "/usr/share/"]


def _entries(tree):
    """The files and links of the tree that the guest has, as {guest path: host path}."""
    found = {}
    for directory, _, names in os.walk(tree):
        for name in names:
            host = os.path.join(directory, name)
            guest = host.removeprefix(tree)
            if not guest.startswith(tuple(_LEFT_OUT)):
                found[guest] = host
    return found


def _is_program(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def main():
    output, *packages = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="dmkit-lvm.") as tree:
        for package in packages:
            subprocess.run(["dpkg", "-x", package, tree], check=True)
        entries = _entries(tree)
        files = {guest: host for guest, host in entries.items() if not os.path.islink(host)}
        links = {guest: os.readlink(host) for guest, host in entries.items() if guest not in files}
        needed = {library for host in files.values() if _is_program(host)
                  for library in pack_userland.libraries(host, tree + _LIBRARIES)}
        files.update({path: path for path in needed if not path.startswith(tree)})
        with open(output, "wb") as f, cpio.Archive(f) as archive:
            layout.add_skeleton(archive)
            for path, target in sorted(links.items()):
                archive.symlink(layout.real_path(path), target)
            for path, source in sorted(files.items()):
                archive.file(layout.real_path(path), source)


if __name__ == "__main__":
    main()
