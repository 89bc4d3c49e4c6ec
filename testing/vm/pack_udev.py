#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Makes udev for the guest out of Debian's package of it, as a cpio archive.

    pack_udev.py OUTPUT PACKAGE.deb [FILE=GUEST_PATH]...

systemd-udevd, udevadm, their libraries, all rules of the package and those that this host's dmsetup
brought. The package is not installed: on a host that is a container, that may fail. Helpers for
hardware that the guest has not are left out. The FILEs come on top.
"""

import os
import subprocess
import sys
import tempfile

import cpio
import layout
import pack_userland

_RULES = "/lib/udev/rules.d/"

# What the package's installation would add to Debian's groups.
_GROUPS = ["input", "kvm", "render", "sgx"]
_FIRST_GROUP_ID = 101


def _rules_of_dmsetup():
    listing = subprocess.run(["dpkg-query", "-L", "dmsetup"], check=True, stdout=subprocess.PIPE,
                             text=True).stdout.split()
    rules = [path for path in listing if path.startswith(_RULES)]
    if not rules:
        sys.exit("the Debian package dmsetup brings no rules for udev")
    return {path: path for path in rules}


def _rules_of(tree):
    return {_RULES + name: f"{tree}{_RULES}{name}" for name in os.listdir(tree + _RULES)}


def _group_file():
    with open("/usr/share/base-passwd/group.master", encoding="ascii") as f:
        text = f.read()
    return text + "".join(f"{name}:x:{_FIRST_GROUP_ID + number}:\n"
                          for number, name in enumerate(_GROUPS))


def main():
    output, package, *extra = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="dmkit-udev.") as tree:
        subprocess.run(["dpkg", "-x", package, tree], check=True)
        program = tree + "/bin/udevadm"
        files = {"/bin/udevadm": program, **_rules_of(tree), **_rules_of_dmsetup()}
        files.update({path: path for path in pack_userland.libraries(program)})
        for argument in extra:
            host, guest = argument.rsplit("=", 1)
            files[guest] = host
        with open(output, "wb") as f, cpio.Archive(f) as archive:
            layout.add_skeleton(archive)
            archive.bytes("/etc/group", _group_file().encode())
            archive.bytes("/etc/udev/udev.conf", b"udev_log=err\n")
            archive.symlink("/usr/lib/systemd/systemd-udevd", "/usr/bin/udevadm")
            for path, source in sorted(files.items()):
                archive.file(layout.real_path(path), source)


if __name__ == "__main__":
    main()
