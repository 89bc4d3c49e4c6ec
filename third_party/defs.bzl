# SPDX-License-Identifier: Apache-2.0
"""How dmkit's own targets are built. Flags are stated here, never in a BUILD file of a room."""

# A workspace that uses this one has our files below external/.
_ROOT = Label("//third_party:defs.bzl").workspace_root

_BELOW_ROOT = _ROOT + "/" if _ROOT else ""

_PRECOMPILED_HEADERS = "$(BINDIR)/%sthird_party/precompiled_headers" % _BELOW_ROOT

_COPTS = [
    "-fno-exceptions",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Werror",
] + select({
    # Files of ours start with the libraries' headers, read already (precompiled.bzl).
    "//third_party:sanitizer": ["-include-pch", _PRECOMPILED_HEADERS],
    "//third_party:clang": [],
    "//conditions:default": ["-include", _PRECOMPILED_HEADERS + ".h"],
})

_DEPS = ["//third_party:precompiled"]

_STATIC_FEATURES = select({
    # The sanitizers' runtimes need a dynamic program.
    "//third_party:sanitizer": [],
    "//conditions:default": ["fully_static_link"],
})

def archive_linkopts(names):
    """Linker options for static archives that may refer to each other in any order."""
    return ["-Wl,--start-group"] + ["-l:lib%s.a" % name for name in names] + ["-Wl,--end-group"]

def dmkit_library(name, copts = [], deps = [], **kwargs):
    """A cc_library of our own code: all warnings, as errors."""
    native.cc_library(
        name = name,
        copts = _COPTS + copts,
        deps = deps + _DEPS,
        linkstatic = True,
        **kwargs
    )

def dmkit_binary(name, copts = [], deps = [], static = True, **kwargs):
    """A program, fully static unless told otherwise or built for a sanitizer."""
    native.cc_binary(
        name = name,
        copts = _COPTS + copts,
        deps = deps + _DEPS,
        features = _STATIC_FEATURES if static else [],
        linkstatic = True,
        **kwargs
    )

def dmkit_test(name, copts = [], deps = [], static = False, size = "small", **kwargs):
    """A googletest program. With static = True it runs in a guest that has no libraries."""
    native.cc_test(
        name = name,
        size = size,
        copts = _COPTS + copts,
        deps = deps + _DEPS,
        features = _STATIC_FEATURES if static else [],
        linkstatic = True,
        **kwargs
    )

def dmkit_fuzz_target(name, srcs, deps, corpus, tags = [], size = "small", **kwargs):
    """A libFuzzer program, and an ordinary test that replays its corpus.

    Args:
      name: the fuzzer, to be built with --config=fuzz. `<name>_corpus_test` is the test; it runs in
        every configuration and fails without corpus files.
      srcs: the source that defines LLVMFuzzerTestOneInput.
      deps: what it tests.
      corpus: files, as a list of labels or a glob.
      tags: more tags for both.
      size: of the test.
      **kwargs: for both.
    """
    dmkit_library(
        name = name + "_entry",
        testonly = True,
        srcs = srcs,
        # Nothing refers to LLVMFuzzerTestOneInput before libFuzzer's archive is read.
        alwayslink = True,
        deps = deps,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        linkopts = select({
            "//third_party:fuzz": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        linkstatic = True,
        tags = ["fuzz", "manual"] + tags,
        deps = [":%s_entry" % name],
        **kwargs
    )
    native.filegroup(
        name = name + "_corpus",
        testonly = True,
        srcs = corpus,
    )
    native.cc_test(
        name = name + "_corpus_test",
        size = size,
        args = ["$(rootpaths :%s_corpus)" % name] if corpus else [],
        data = [":%s_corpus" % name],
        linkstatic = True,
        tags = ["corpus"] + tags,
        deps = [
            ":%s_entry" % name,
            "//testing/fuzz:replay_main",
        ],
        **kwargs
    )

def dmkit_proto_library(name, src, deps = [], visibility = None, **kwargs):
    """A C++ library from one .proto file, for `#include "<package>/<file>.pb.h"`.

    Args:
      name: of the library.
      src: the .proto file, in this package. Imports are written from the workspace root.
      deps: dmkit_proto_library targets of the files that it imports.
      visibility: as usual.
      **kwargs: for the cc_library.
    """
    base = src[:-len(".proto")]
    native.filegroup(
        name = name + "_proto",
        srcs = [src] + [_beside(dep, "_proto") for dep in deps],
        visibility = visibility,
    )
    native.genrule(
        name = name + "_protoc",
        srcs = [":%s_proto" % name],
        outs = [
            base + ".pb.cc",
            base + ".pb.h",
        ],
        # What protoc writes is not clean under our warnings: the header is marked as a system one.
        cmd = ("/usr/bin/protoc --proto_path=%s --cpp_out=$(GENDIR)/%s %s%s/%s && " +
               "sed -i '1i #pragma GCC system_header' $(RULEDIR)/%s.pb.h") %
              (_ROOT or ".", _ROOT, _BELOW_ROOT, native.package_name(), src, base),
    )
    native.cc_library(
        name = name,
        srcs = [base + ".pb.cc"],
        hdrs = [base + ".pb.h"],
        copts = ["-w"],
        linkstatic = True,
        visibility = visibility,
        deps = deps + ["//third_party:protobuf"],
        **kwargs
    )

def _beside(label, suffix):
    if ":" in label:
        return label + suffix
    return "%s:%s%s" % (label, label.split("/")[-1], suffix)
