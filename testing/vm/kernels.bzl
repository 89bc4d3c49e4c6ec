# SPDX-License-Identifier: Apache-2.0
"""Debian packages that guests are made of, as external repositories.

apt downloads them when a target first needs them; nothing is installed. They stay the same until
`bazel sync --configure` or a change of the rule. The version is printed."""

_KERNEL_BUILD = """
package(default_visibility = ["@dmkit//testing/vm:__pkg__"])

exports_files([
    "modules.cpio",
    "version",
    "vmlinuz",
])
"""

_PACKAGE_BUILD = """
package(default_visibility = ["@dmkit//testing/vm:__pkg__"])

exports_files([
    "package.deb",
    "version",
])
"""

def _fetch(ctx, build):
    # Asked for by path, so that a change of any of them fetches again.
    fetch = ctx.path(ctx.attr._fetch)
    for used in ctx.attr._used:
        ctx.path(used)
    done = ctx.execute(
        ["/usr/bin/python3", "-B", fetch, ctx.attr.pattern, "."],
        timeout = 1800,
    )
    if done.return_code != 0:
        fail("cannot get a package that matches %s:\n%s" % (ctx.attr.pattern, done.stderr))
    print(done.stdout.strip())  # buildifier: disable=print
    ctx.file("BUILD.bazel", build)

_PATTERN = attr.string(
    mandatory = True,
    doc = "Package name; *, ? and [...] as in a shell.",
)

def _debian_kernel_repository_impl(ctx):
    _fetch(ctx, _KERNEL_BUILD)

debian_kernel_repository = repository_rule(
    implementation = _debian_kernel_repository_impl,
    doc = "The newest Debian kernel package whose name matches a pattern, with its modules packed.",
    configure = True,
    attrs = {
        "pattern": _PATTERN,
        "_fetch": attr.label(default = "//testing/vm:fetch_kernel.py"),
        "_used": attr.label_list(default = [
            "//testing/vm:cpio.py",
            "//testing/vm:fetch_package.py",
        ]),
    },
)

def _debian_package_repository_impl(ctx):
    _fetch(ctx, _PACKAGE_BUILD)

debian_package_repository = repository_rule(
    implementation = _debian_package_repository_impl,
    doc = "The newest Debian package whose name matches a pattern, as a file.",
    configure = True,
    attrs = {
        "pattern": _PATTERN,
        "_fetch": attr.label(default = "//testing/vm:fetch_package.py"),
        "_used": attr.label_list(),
    },
)
