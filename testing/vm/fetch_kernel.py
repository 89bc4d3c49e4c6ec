#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Gets the newest Debian kernel whose package name matches a pattern, without installing it.

    fetch_kernel.py PATTERN DIRECTORY

DIRECTORY then holds `vmlinuz`, `modules.cpio` (the modules that tests need, with those that they
need in turn) and `version` (kernel release, package, package version). Needs no root.
"""

import glob
import lzma
import os
import re
import shutil
import sys

import cpio
from fetch_package import call, download

# Every device-mapper module, and these.
_MODULES = [
    "brd",
    "crc32c_generic",
    "ext4",
    "loop",
    # What dm-raid asks for by level when a set is made.
    "raid0",
    "raid1",
    "raid10",
    "virtio_blk",
    "virtio_console",
    "virtio_pci",
    "xfs",
]


def _needed_modules(tree, release):
    """Paths below `tree`, with dependencies; what the kernel has built in has no path."""
    device_mapper = glob.glob(f"{tree}/lib/modules/{release}/kernel/drivers/md/**/dm-*.ko*",
                              recursive=True)
    names = _MODULES + [os.path.basename(path).split(".ko")[0] for path in device_mapper]
    listing = call("modprobe", "-d", tree, "-S", release, "--show-depends", "-a", *names)
    paths = re.findall(r"^insmod (\S+)", listing, re.MULTILINE)
    return sorted({os.path.relpath(path, tree) for path in paths})


def _pack_modules(tree, release, output):
    call("depmod", "-b", tree, release)
    for path in _needed_modules(tree, release):
        plain = os.path.join("modules", path.removesuffix(".xz"))
        os.makedirs(os.path.dirname(plain), exist_ok=True)
        # The guest's modprobe does not unpack.
        opened = lzma.open if path.endswith(".xz") else open
        with opened(os.path.join(tree, path), "rb") as source, open(plain, "wb") as target:
            shutil.copyfileobj(source, target)
    for name in ["modules.order", "modules.builtin", "modules.builtin.modinfo"]:
        shutil.copy(f"{tree}/lib/modules/{release}/{name}", f"modules/lib/modules/{release}/{name}")
    call("depmod", "-b", "modules", release)
    # The guest's /lib is a link to /usr/lib.
    with open(output, "wb") as f, cpio.Archive(f) as archive:
        archive.file("usr/lib/modules", "modules/lib/modules")


def main():
    pattern, directory = sys.argv[1:]
    os.chdir(directory)
    os.makedirs("work", exist_ok=True)
    os.chdir("work")
    name, version, package = download(pattern)
    call("dpkg", "-x", package, "tree")
    kernel = glob.glob("tree/boot/vmlinuz-*")[0]
    release = os.path.basename(kernel).removeprefix("vmlinuz-")
    _pack_modules("tree", release, "../modules.cpio")
    shutil.move(kernel, "../vmlinuz")
    os.chdir("..")
    shutil.rmtree("work")
    with open("version", "w", encoding="ascii") as f:
        f.write(f"{release} {name} {version}\n")
    print(f"Linux {release} from {name} {version}")


if __name__ == "__main__":
    main()
