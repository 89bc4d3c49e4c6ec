# SPDX-License-Identifier: Apache-2.0
"""Tests that run on a kernel of their own. README.md has examples."""

_TAGS = ["vm", "local"]

def _guest(kernel):
    return "//testing/vm:guest_" + kernel.replace(".", "_")

# What a guest with udevd, or with lvm2, needs besides.
_UDEV = "//testing/vm:guest_udev"
_LVM = "//testing/vm:guest_lvm"

def _quoted(word):
    """The word for an `args` attribute, where Bazel looks for variables and splits as a shell."""
    return "'%s'" % word.replace("'", "'\\''").replace("$", "$$")

def dmkit_vm_test(
        name,
        kernel,
        tests = [],
        command = [],
        files = {},
        options = [],
        data = [],
        udev = False,
        lvm = False,
        size = "large",
        tags = [],
        **kwargs):
    """Runs programs as root in one boot of a guest.

    Args:
      name: of the test.
      kernel: "6.1" or "6.12".
      tests: googletest programs, run one after another: dmkit_test(static = True), tagged "manual"
        when they make no sense outside a guest. Each has a TEST_TMPDIR on the scratch disk. Their
        cases are counted as if they had run here, and --test_filter reaches them.
      command: instead of `tests`, the words of one command, just as it shall see them.
      files: what else the guest needs, as {label: guest path}.
      options: more for testing/vm/run, such as "--memory=2048".
      data: what `options` refers to.
      udev: whether udevd runs in the guest.
      lvm: whether lvm2 and thin-provisioning-tools are in the guest.
      size: of the test; its timeout holds for all programs together.
      tags: added to vm and local.
      **kwargs: for the sh_test.
    """
    if bool(tests) == bool(command):
        fail("dmkit_vm_test(%s) needs either tests or a command" % name)
    args = ["--kernel=" + kernel] + options
    if udev:
        args.append("--udev")
        data = data + [_UDEV]
    if lvm:
        args.append("--lvm")
        data = data + [_LVM]
    args += ["'--file=$(rootpath %s):%s'" % (label, path) for label, path in files.items()]
    args += ["--test=$(rootpath %s)" % label for label in tests]
    if command:
        args += ["--"] + [_quoted(word) for word in command]
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//testing/vm:vm_test.py"],
        args = args,
        data = data + tests + files.keys() + ["//testing/vm:runner", _guest(kernel)],
        tags = _TAGS + tags,
        **kwargs
    )

def dmkit_vm_script_test(
        name,
        kernel,
        script,
        data = [],
        udev = False,
        size = "large",
        tags = [],
        **kwargs):
    """A test in a script that boots guests itself, once or several times.

    The script's working directory is the workspace, its first argument the kernel:
    `testing/vm/run --kernel "$1" ...` works, and so do the paths of `data`.

    Args:
      name: of the test.
      kernel: "6.1" or "6.12".
      script: the file.
      data: what it needs besides.
      udev: whether the script boots with --udev.
      size: of the test.
      tags: added to vm and local.
      **kwargs: for the sh_test.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = [script],
        args = [kernel],
        data = data + ["//testing/vm:runner", _guest(kernel)] + ([_UDEV] if udev else []),
        tags = _TAGS + tags,
        **kwargs
    )
