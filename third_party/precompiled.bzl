# SPDX-License-Identifier: Apache-2.0
"""A precompiled header of the libraries' headers: to read them takes longer than to compile a file.

In the sanitizer configurations (clang) all files use it. With gcc only files compiled with -O0 do,
which are tests: for any other gcc finds that the flags differ and reads the empty header in its
place. So a library's missing #include is found there.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _precompile(ctx, toolchain, features, out, flags):
    for header in ctx.attr.headers:
        flags = flags + ["-include", header]
    arguments = cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = "c++-compile",
        variables = cc_common.create_compile_variables(
            feature_configuration = features,
            cc_toolchain = toolchain,
            # A source of ours would be looked for later, in a sandbox that is gone.
            source_file = ctx.attr.source,
            output_file = out.path,
            user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts +
                                 ["-fno-exceptions", "-xc++-header"] + flags,
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
        progress_message = "Precompiling %s" % out.short_path,
    )

def _precompiled_header_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    outs = []
    if toolchain.compiler == "clang":
        # It takes the one in the directory that goes with a file's flags.
        for level in ["-O0", "-O1"]:
            out = ctx.actions.declare_file("%s/%s.pch" % (ctx.label.name, level[1:]))
            flags = [level, "-Xclang", "-fpch-instantiate-templates"]
            _precompile(ctx, toolchain, features, out, flags)
            outs.append(out)
    else:
        out = ctx.actions.declare_file(ctx.label.name + ".h.gch")
        _precompile(ctx, toolchain, features, out, ["-O0"])
        empty = ctx.actions.declare_file(ctx.label.name + ".h")
        ctx.actions.write(empty, "")
        outs += [out, empty]
    return [DefaultInfo(files = depset(outs))]

precompiled_header = rule(
    implementation = _precompiled_header_impl,
    doc = "Makes the directory `<name>` for clang's -include-pch, `<name>.h` for gcc's -include.",
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
