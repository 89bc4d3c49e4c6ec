# SPDX-License-Identifier: Apache-2.0
"""Debian kernels for the guests, as external repositories."""

_BUILD = """
package(default_visibility = ["@dmkit//testing/vm:__pkg__"])

exports_files([
    "modules.cpio",
    "version",
    "vmlinuz",
])
"""

def _debian_kernel_repository_impl(ctx):
    # Asked for by path, so that a change of either fetches again.
    fetch = ctx.path(ctx.attr._fetch)
    ctx.path(ctx.attr._cpio)
    done = ctx.execute(
        ["/usr/bin/python3", "-B", fetch, ctx.attr.pattern, "."],
        timeout = 1800,
    )
    if done.return_code != 0:
        fail("cannot get a kernel that matches %s:\n%s" % (ctx.attr.pattern, done.stderr))
    print(done.stdout.strip())  # buildifier: disable=print
    ctx.file("BUILD.bazel", _BUILD)

debian_kernel_repository = repository_rule(
    implementation = _debian_kernel_repository_impl,
    doc = """The newest Debian kernel package whose name matches a pattern.

It is downloaded and unpacked by apt and dpkg, never installed, when a target first needs it, and
stays the same until `bazel sync --configure` or a change of the rule. The version is printed.""",
    configure = True,
    attrs = {
        "pattern": attr.string(
            mandatory = True,
            doc = "Package name; *, ? and [...] as in a shell.",
        ),
        "_cpio": attr.label(default = "//testing/vm:cpio.py"),
        "_fetch": attr.label(default = "//testing/vm:fetch_kernel.py"),
    },
)
