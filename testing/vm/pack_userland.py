#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Makes the guest's user space out of this host's programs, as one cpio archive.

    pack_userland.py OUTPUT [FILE=GUEST_PATH]...

busybox with all its applets, Debian's own tools for the filesystems and devices that tests deal
with, and the libraries that these need. Where both have a program of one name, Debian's is taken.
The FILEs come on top. No kernel and no modules: they differ per kernel, this does not.
"""

import os
import re
import subprocess
import sys

import cpio
import layout

# Debian package: its programs that the guest has.
_PROGRAMS = {
    "busybox-static": ["/usr/bin/busybox"],
    "dash": ["/usr/bin/dash"],
    "dmsetup": ["/usr/sbin/dmsetup"],
    "e2fsprogs": [
        "/usr/sbin/debugfs",
        "/usr/sbin/dumpe2fs",
        "/usr/sbin/e2fsck",
        "/usr/sbin/mke2fs",
        "/usr/sbin/resize2fs",
        "/usr/sbin/tune2fs",
    ],
    "mount": ["/usr/sbin/losetup"],
    "util-linux": ["/usr/sbin/blkid", "/usr/bin/findmnt"],
    "xfsprogs": [
        "/usr/sbin/mkfs.xfs",
        "/usr/sbin/xfs_growfs",
        "/usr/sbin/xfs_io",
        "/usr/sbin/xfs_repair",
    ],
}

_LINKS = {
    "/etc/mtab": "/proc/mounts",
    # Not busybox's shell, which runs its own applets rather than what PATH finds.
    "/usr/bin/sh": "dash",
    "/usr/sbin/fsck.ext4": "e2fsck",
    "/usr/sbin/mkfs.ext2": "mke2fs",
    "/usr/sbin/mkfs.ext3": "mke2fs",
    "/usr/sbin/mkfs.ext4": "mke2fs",
}

_TEXTS = {
    "/etc/group": "root:x:0:\n",
    "/etc/hosts": "127.0.0.1 localhost guest\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
}


def _output(*command, **environment):
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, env={"LC_ALL": "C", "PATH": "/usr/bin", **environment}).stdout


def libraries(program, directory=""):
    """What the program is linked with, its loader included; nothing for a static one. What the
    directory has is taken rather than this host's."""
    listing = _output("/usr/bin/ldd", program, LD_LIBRARY_PATH=directory)
    missing = re.findall(r"(\S+) => not found", listing)
    if missing:
        sys.exit(f"{program} does not find its libraries: {' '.join(missing)}")
    return re.findall(r"(/\S+) \(0x", listing)


def _programs():
    """All programs and their libraries, as {guest path: host path}."""
    files = {}
    for package, programs in _PROGRAMS.items():
        for program in programs:
            if not os.path.exists(program):
                sys.exit(f"{program} is missing: install the Debian package {package}")
            for path in [program, *libraries(program)]:
                files[layout.real_path(path)] = path
    return files


def _applets(taken):
    """Links for the applets of busybox whose names are not in `taken`, as {guest path: target}."""
    applets = ["/" + path for path in _output("/usr/bin/busybox", "--list-full").split()]
    return {
        layout.real_path(path): "/usr/bin/busybox"
        for path in applets
        if os.path.basename(path) not in taken | {"linuxrc"}
    }


def main():
    output, *extra = sys.argv[1:]
    files = _programs()
    files["/etc/mke2fs.conf"] = "/etc/mke2fs.conf"
    for argument in extra:
        host, guest = argument.rsplit("=", 1)
        files[layout.real_path(guest)] = host
    links = dict(_LINKS)
    links.update(_applets({os.path.basename(path) for path in [*files, *links]}))
    with open(output, "wb") as f, cpio.Archive(f) as archive:
        layout.add_skeleton(archive)
        for path, target in sorted(links.items()):
            archive.symlink(path, target)
        for path, text in sorted(_TEXTS.items()):
            archive.bytes(path, text.encode())
        for path, source in sorted(files.items()):
            archive.file(path, source)


if __name__ == "__main__":
    main()
