# SPDX-License-Identifier: Apache-2.0
"""A precompiled header of libraries' headers, for the configurations that compile everything anew.

Reading the headers of googletest and abseil takes longer than compiling a test of ours. Only the
sanitizer configurations use this (.bazelrc): with gcc each file is compiled as it stands, so a
missing #include is found there.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _precompiled_header_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    out = ctx.actions.declare_file(ctx.label.name + ".pch")
    flags = ["-fno-exceptions", "-Xclang", "-fpch-instantiate-templates", "-xc++-header"]
    for header in ctx.attr.headers:
        flags += ["-include", header]
    arguments = cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = "c++-compile",
        variables = cc_common.create_compile_variables(
            feature_configuration = features,
            cc_toolchain = toolchain,
            # A source of ours would be looked for later, in a sandbox that is gone.
            source_file = ctx.attr.source,
            output_file = out.path,
            user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + flags,
        ),
    )
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = "c++-compile",
        ),
        arguments = arguments,
        inputs = toolchain.all_files,
        outputs = [out],
        mnemonic = "CppPrecompile",
        progress_message = "Precompiling %s" % ctx.label,
    )
    return [DefaultInfo(files = depset([out]))]

precompiled_header = rule(
    implementation = _precompiled_header_impl,
    doc = "Makes `<name>.pch`, for clang's -include-pch.",
    attrs = {
        "source": attr.string(
            doc = "A header of a library, by its absolute path.",
            mandatory = True,
        ),
        "headers": attr.string_list(
            doc = "More headers, as they stand between < and > in an #include.",
        ),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
