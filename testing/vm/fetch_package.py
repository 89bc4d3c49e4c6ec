#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Gets the newest Debian package whose name matches a pattern, without installing it.

    fetch_package.py PATTERN DIRECTORY

DIRECTORY then holds `package.deb` and `version` (package, package version). Needs no root. Which
package is the newest is for apt to say: nothing here knows a version, nor what packages are for.
"""

import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys


def call(*command):
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
        call("apt-get", *apt._options, "-qq", "update")
        return apt

    def newest(self, pattern):
        """The newest package that can be had, as (name, version); None when there is none."""
        stem = re.split(r"[*?\[]", pattern)[0]
        names = call("apt-cache", *self._options, "pkgnames", stem).split()
        names = fnmatch.filter(names, pattern)
        for name in sorted(names, key=_numbers_as_numbers, reverse=True):
            offers = call("apt-cache", *self._options, "madison", name).splitlines()
            if offers:
                return name, offers[0].split("|")[1].strip()
        return None

    def download(self, name, version):
        call("apt-get", *self._options, "-qq", "download", f"{name}={version}")
        return glob.glob(f"{name}_*.deb")[0]


def _numbers_as_numbers(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def download(pattern):
    """Downloads the newest package into the working directory: (name, version, file). Lists that
    are missing, or so old that the mirror has dropped what they name, are replaced by fresh ones
    for this one use."""
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


def main():
    pattern, directory = sys.argv[1:]
    os.chdir(directory)
    os.makedirs("work", exist_ok=True)
    os.chdir("work")
    name, version, package = download(pattern)
    shutil.move(package, "../package.deb")
    os.chdir("..")
    shutil.rmtree("work")
    with open("version", "w", encoding="ascii") as f:
        f.write(f"{name} {version}\n")
    print(f"{name} {version}")


if __name__ == "__main__":
    main()
