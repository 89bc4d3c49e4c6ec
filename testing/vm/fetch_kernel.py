#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Gets the newest Debian kernel whose package name matches a pattern, without installing it.

    fetch_kernel.py PATTERN DIRECTORY

DIRECTORY then holds `vmlinuz`, `modules.cpio` (the modules that tests need, with those that they
need in turn) and `version` (kernel release, package, package version). Needs no root. Which package
is the newest is for apt to say: nothing here knows a version.
"""

import fnmatch
import glob
import lzma
import os
import re
import shutil
import subprocess
import sys

import cpio

# Every device-mapper module, and these.
_MODULES = [
    "brd",
    "crc32c_generic",
    "ext4",
    "loop",
    "virtio_blk",
    "virtio_console",
    "virtio_pci",
    "xfs",
]


def _call(*command):
    environment = dict(os.environ, LC_ALL="C", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


class _Apt:
    """apt with the host's package lists, or with lists of its own below the working directory."""

    def __init__(self, options=()):
        # The sandbox user may not write where we are; apt would warn and go on as root.
        self._options = ["-o", "APT::Sandbox::User=", *options]

    @staticmethod
    def with_own_lists():
        for directory in ["lists/partial", "cache/archives/partial"]:
            os.makedirs(directory, exist_ok=True)
        here = os.getcwd()
        apt = _Apt(["-o", f"Dir::State::Lists={here}/lists", "-o", f"Dir::Cache={here}/cache"])
        _call("apt-get", *apt._options, "-qq", "update")
        return apt

    def newest(self, pattern):
        """The newest package that can be had, as (name, version); None when there is none."""
        stem = re.split(r"[*?\[]", pattern)[0]
        names = _call("apt-cache", *self._options, "pkgnames", stem).split()
        names = fnmatch.filter(names, pattern)
        for name in sorted(names, key=_numbers_as_numbers, reverse=True):
            offers = _call("apt-cache", *self._options, "madison", name).splitlines()
            if offers:
                return name, offers[0].split("|")[1].strip()
        return None

    def download(self, name, version):
        _call("apt-get", *self._options, "-qq", "download", f"{name}={version}")
        return glob.glob(f"{name}_*.deb")[0]


def _numbers_as_numbers(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _download(pattern):
    """Downloads into the working directory. Lists that are missing, or so old that the mirror has
    dropped what they name, are replaced by fresh ones for this one use."""
    try:
        apt = _Apt()
        found = apt.newest(pattern)
        if found:
            return (*found, apt.download(*found))
    except SystemExit as error:
        print(error, file=sys.stderr)
    apt = _Apt.with_own_lists()
    found = apt.newest(pattern)
    if not found:
        sys.exit(f"no package matches {pattern}: "
                 "the apt sources need Debian's main and security archives")
    return (*found, apt.download(*found))


def _needed_modules(tree, release):
    """Paths below `tree`, with dependencies; what the kernel has built in has no path."""
    device_mapper = glob.glob(f"{tree}/lib/modules/{release}/kernel/drivers/md/**/dm-*.ko*",
                              recursive=True)
    names = _MODULES + [os.path.basename(path).split(".ko")[0] for path in device_mapper]
    listing = _call("modprobe", "-d", tree, "-S", release, "--show-depends", "-a", *names)
    paths = re.findall(r"^insmod (\S+)", listing, re.MULTILINE)
    return sorted({os.path.relpath(path, tree) for path in paths})


def _pack_modules(tree, release, output):
    _call("depmod", "-b", tree, release)
    for path in _needed_modules(tree, release):
        plain = os.path.join("modules", path.removesuffix(".xz"))
        os.makedirs(os.path.dirname(plain), exist_ok=True)
        # The guest's modprobe does not unpack.
        opened = lzma.open if path.endswith(".xz") else open
        with opened(os.path.join(tree, path), "rb") as source, open(plain, "wb") as target:
            shutil.copyfileobj(source, target)
    for name in ["modules.order", "modules.builtin", "modules.builtin.modinfo"]:
        shutil.copy(f"{tree}/lib/modules/{release}/{name}", f"modules/lib/modules/{release}/{name}")
    _call("depmod", "-b", "modules", release)
    # The guest's /lib is a link to /usr/lib.
    with open(output, "wb") as f, cpio.Archive(f) as archive:
        archive.file("usr/lib/modules", "modules/lib/modules")


def main():
    pattern, directory = sys.argv[1:]
    os.chdir(directory)
    os.makedirs("work", exist_ok=True)
    os.chdir("work")
    name, version, package = _download(pattern)
    _call("dpkg", "-x", package, "tree")
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
