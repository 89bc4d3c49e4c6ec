# SPDX-License-Identifier: Apache-2.0
"""Tests that run on models. README.md says what they link."""

load("//third_party:defs.bzl", "dmkit_test")

def dmkit_model_test(name, deps, **kwargs):
    """A dmkit_test on a model of each kernel: `<name>_6_1` and `<name>_6_12`.

    Args:
      name: of the tests, in front of the kernel's.
      deps: libraries of cases, or what `srcs` needs.
      **kwargs: for both tests.
    """
    for kernel in ["6_1", "6_12"]:
        dmkit_test(
            name = "%s_%s" % (name, kernel),
            deps = deps + ["//testing/cases:model_" + kernel],
            **kwargs
        )
