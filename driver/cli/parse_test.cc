// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/parse.h"

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/cli/commands.h"
#include "driver/cli/request.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/units.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

template <typename T>
T Good(const Words& words) {
  const Parsed parsed = Parse(words);
  EXPECT_TRUE(parsed.request.ok()) << parsed.request.status();
  EXPECT_TRUE(std::holds_alternative<T>(*parsed.request)) << ::testing::PrintToString(words);
  EXPECT_NE(parsed.command, nullptr);
  return std::get<T>(*parsed.request);
}

// The refusal of each of `inputs` is INVALID_ARGUMENT without an errno, and says something.
void ExpectRefused(const std::vector<Words>& inputs) {
  for (const Words& words : inputs) {
    const Parsed parsed = Parse(words);
    EXPECT_EQ(parsed.request.status().code(), absl::StatusCode::kInvalidArgument)
        << ::testing::PrintToString(words);
    EXPECT_FALSE(parsed.request.status().message().empty());
  }
}

std::string Refusal(const Words& words) {
  return std::string(Parse(words).request.status().message());
}

TEST(ParseTest, DefaultsAreDocumentedOnes) {
  const Parsed parsed = Parse({"ls"});
  EXPECT_EQ(parsed.global.root, "/var/lib/dmkit");
  EXPECT_EQ(parsed.global.format, OutputFormat::kText);
  EXPECT_FALSE(parsed.global.trace);
  EXPECT_FALSE(parsed.global.options.base_size.has_value());
}

TEST(ParseTest, HelpNamesTheDefaultRoot) {
  const std::string root = Parse({"ls"}).global.root;
  EXPECT_THAT(std::string(FindOption(GlobalOptions(), "root")->help), HasSubstr(root + "."));
}

TEST(ParseTest, GlobalOptionsAreRead) {
  const Parsed parsed = Parse({"--root", "/r", "--opt", "dm.basesize=1g", "--opt=dm.fs=xfs",
                               "--format=json", "--trace", "ls"});
  ASSERT_TRUE(parsed.request.ok()) << parsed.request.status();
  EXPECT_EQ(parsed.global.root, "/r");
  EXPECT_EQ(parsed.global.options.base_size, sys::Bytes(uint64_t{1} << 30));
  EXPECT_EQ(parsed.global.options.filesystem, FilesystemType::kXfs);
  EXPECT_EQ(parsed.global.format, OutputFormat::kJson);
  EXPECT_TRUE(parsed.global.trace);
}

TEST(ParseTest, BadGlobalOptionsAreRefused) {
  ExpectRefused({{"ls", "--format", "yaml"},
                 {"ls", "--format", "JSON"},
                 {"ls", "--opt", "dm.frobnicate=1"},
                 {"ls", "--opt", "dm.basesize"},
                 {"ls", "--opt", "dm.basesize=0"},
                 {"ls", "--opt", "dm.basesize=-1"},
                 {"ls", "--opt", "dm.blocksize=1000"},
                 {"ls", "--opt", "basesize=1g"},
                 {"ls", "--opt", "dm.fs=btrfs"},
                 {"ls", "--opt", "dm.thinpooldev=p", "--opt", "dm.datadev=/dev/x"}});
  EXPECT_THAT(Refusal({"ls", "--opt", "dm.fs=btrfs"}), HasSubstr("dm.fs"));
}

TEST(ParseTest, NoCommandIsRefused) {
  ExpectRefused({{}, {"--trace"}, {"dm"}, {"pool"}, {"loop", "--trace"}, {"--"}});
  EXPECT_EQ(Parse({"dm"}).section, FindGroup("dm"));
  EXPECT_EQ(Parse({}).command, nullptr);
}

TEST(ParseTest, CreateTakesIdAndParent) {
  EXPECT_EQ(Good<CreateRequest>({"create", "web"}).id.text(), "web");
  EXPECT_EQ(Good<CreateRequest>({"create", "web"}).parent, "");
  EXPECT_EQ(Good<CreateRequest>({"create", "web", "--parent", "a.b-c_d"}).parent, "a.b-c_d");
  EXPECT_EQ(Good<CreateRequest>({"create", "--parent=p", "web"}).parent, "p");
}

TEST(ParseTest, ParentBaseIsTheEmptyFilesystem) {
  EXPECT_EQ(Good<CreateRequest>({"create", "web", "--parent", "base"}).parent, "");
}

TEST(ParseTest, BadLayerIdsAreRefused) {
  const Words bad = {".",
                     "..",
                     "a/b",
                     "base",
                     "pool",
                     "_a",
                     ".a",
                     "a b",
                     "a\n",
                     "\xc3\xbc",
                     std::string(101, 'a')};
  for (const std::string& id : bad) {
    ExpectRefused({{"create", id},
                   {"create", "good", "--parent=" + id + "/"},
                   {"rm", "good", id},
                   {"get", id},
                   {"put", id},
                   {"exists", id},
                   {"inspect", id}});
  }
  ExpectRefused({{"create", ""}, {"create", "a", "--parent", "../a"}, {"create", "-a"}});
}

TEST(ParseTest, RemoveTakesSeveralIds) {
  const RemoveRequest request = Good<RemoveRequest>({"rm", "a", "b"});
  ASSERT_EQ(request.ids.size(), 2u);
  EXPECT_EQ(request.ids[1].text(), "b");
}

TEST(ParseTest, PutKnowsAll) {
  EXPECT_FALSE(Good<PutRequest>({"put", "a"}).all);
  EXPECT_TRUE(Good<PutRequest>({"put", "a", "--all"}).all);
}

TEST(ParseTest, CommandsWithoutWordsAreRead) {
  Good<ListRequest>({"ls"});
  Good<StatusRequest>({"status"});
  Good<CleanupRequest>({"cleanup"});
  Good<PoolStatusRequest>({"pool", "status"});
  Good<PoolCheckRequest>({"pool", "check"});
  Good<LoopListRequest>({"loop", "ls"});
  Good<VersionRequest>({"version"});
  ExpectRefused({{"ls", "a"},
                 {"status", "a"},
                 {"cleanup", "a"},
                 {"pool", "status", "a"},
                 {"pool", "check", "a"},
                 {"pool", "create"},
                 {"dm", "ls"},
                 {"loop", "ls", "a"},
                 {"version", "a"},
                 {"status", "--all"}});
}

TEST(ParseTest, LoopAttachKnowsItsOptions) {
  const LoopAttachRequest request =
      Good<LoopAttachRequest>({"loop", "attach", "f", "--read-only", "--offset", "1m",
                               "--size-limit=512", "--block-size", "4096", "--direct-io"});
  EXPECT_EQ(request.file, "f");
  EXPECT_TRUE(request.options.read_only);
  EXPECT_TRUE(request.options.direct_io);
  EXPECT_EQ(request.options.offset, sys::Bytes(1 << 20));
  EXPECT_EQ(request.options.size_limit, sys::Bytes(512));
  EXPECT_EQ(request.options.block_size, 4096u);
}

TEST(ParseTest, LoopAttachStaysAndTakesTheWholeFileByDefault) {
  const LoopAttachRequest request = Good<LoopAttachRequest>({"loop", "attach", "f"});
  EXPECT_FALSE(request.options.autoclear);
  EXPECT_FALSE(request.options.read_only);
  EXPECT_EQ(request.options.offset, sys::Bytes(0));
  EXPECT_EQ(request.options.size_limit, sys::Bytes(0));
  EXPECT_EQ(request.options.block_size, 0u);
  EXPECT_EQ(Good<LoopAttachRequest>({"loop", "attach", "f", "--offset", "0"}).options.offset,
            sys::Bytes(0));
}

TEST(ParseTest, BadLoopValuesAreRefused) {
  ExpectRefused({{"loop", "attach", "f", "--offset", "x"},
                 {"loop", "attach", "f", "--offset", "-1"},
                 {"loop", "attach", "f", "--offset", "1q"},
                 {"loop", "attach", "f", "--offset", "18446744073709551616"},
                 {"loop", "attach", "f", "--size-limit", "1 x"},
                 {"loop", "attach", "f", "--block-size", "0"},
                 {"loop", "attach", "f", "--block-size", "256"},
                 {"loop", "attach", "f", "--block-size", "1000"},
                 {"loop", "attach", "f", "--block-size", "8192"},
                 {"loop", "attach", "f", "--block-size", "4k"},
                 {"loop", "attach", "f", "g"},
                 {"loop", "detach"},
                 {"loop", "detach", "a", "b"}});
}

TEST(ParseTest, PoolWatchEndsWhenItIsTold) {
  const PoolWatchRequest plain = Good<PoolWatchRequest>({"pool", "watch"});
  EXPECT_EQ(plain.count, std::nullopt);
  EXPECT_EQ(plain.timeout, std::nullopt);
  EXPECT_EQ(plain.low_percent, 20u);
  const PoolWatchRequest full =
      Good<PoolWatchRequest>({"pool", "watch", "--count", "3", "--timeout", "1m30s", "--low=5%"});
  EXPECT_EQ(full.count, 3u);
  EXPECT_EQ(full.timeout, absl::Seconds(90));
  EXPECT_EQ(full.low_percent, 5u);
  EXPECT_EQ(Good<PoolWatchRequest>({"pool", "watch", "--timeout", "90"}).timeout,
            absl::Seconds(90));
  EXPECT_EQ(Good<PoolWatchRequest>({"pool", "watch", "--timeout=0"}).timeout, absl::ZeroDuration());
  EXPECT_EQ(Good<PoolWatchRequest>({"pool", "watch", "--low", "100"}).low_percent, 100u);
  ExpectRefused({{"pool", "watch", "name"},
                 {"pool", "watch", "--count", "0"},
                 {"pool", "watch", "--count", "-1"},
                 {"pool", "watch", "--count", "many"},
                 {"pool", "watch", "--count"},
                 {"pool", "watch", "--timeout", "-1s"},
                 {"pool", "watch", "--timeout", "inf"},
                 {"pool", "watch", "--timeout", "5 minutes"},
                 {"pool", "watch", "--timeout", ""},
                 {"pool", "watch", "--low", "101"},
                 {"pool", "watch", "--low", "%"},
                 {"pool", "watch", "--low", "5%%"},
                 {"pool", "watch", "--low", "4294967301"}});
}

TEST(ParseTest, SizesOfLayersAreWholeSectors) {
  EXPECT_EQ(Good<CreateRequest>({"create", "a"}).size, std::nullopt);
  EXPECT_EQ(Good<CreateRequest>({"create", "a", "--size", "1g"}).size,
            sys::Bytes(uint64_t{1} << 30));
  const GrowRequest grow = Good<GrowRequest>({"grow", "a", "1.5k"});
  EXPECT_EQ(grow.id.text(), "a");
  EXPECT_EQ(grow.size, sys::Bytes(1536));
  EXPECT_EQ(Good<GrowRequest>({"grow", "a", "1000"}).size, sys::Bytes(512));
  Good<PoolGrowRequest>({"pool", "grow"});
  ExpectRefused({{"grow"},
                 {"grow", "a"},
                 {"grow", "a", "0"},
                 {"grow", "a", "-1g"},
                 {"grow", "a", "511"},
                 {"grow", "a", "1g", "b"},
                 {"grow", "a/b", "1g"},
                 {"create", "a", "--size", "0"},
                 {"create", "a", "--size", "much"},
                 {"create", "a", "--size=99999999p"},
                 {"pool", "grow", "1g"}});
}

TEST(ParseTest, ComparisonsAreWithTheParentOrAnyOtherLayer) {
  EXPECT_EQ(Good<ChangesRequest>({"changes", "a"}).comparison.parent, std::nullopt);
  EXPECT_EQ(Good<ChangesRequest>({"changes", "a", "b"}).comparison.parent, "b");
  EXPECT_EQ(Good<ChangesRequest>({"changes", "a", "base"}).comparison.parent, "");
  EXPECT_EQ(Good<DiffSizeRequest>({"diffsize", "a", "--all"}).comparison.parent, "");
  const DiffRequest diff = Good<DiffRequest>({"diff", "a", "b", "--output", "f"});
  EXPECT_EQ(diff.comparison.id.text(), "a");
  EXPECT_EQ(diff.comparison.parent, "b");
  EXPECT_EQ(diff.output, "f");
  EXPECT_EQ(Good<DiffRequest>({"diff", "a"}).output, "");
  for (const char* command : {"changes", "diff", "diffsize"}) {
    ExpectRefused({{command},
                   {command, "a/b"},
                   {command, "a", "b/c"},
                   {command, "a", ""},
                   {command, "a", "b", "c"},
                   {command, "a", "b", "--all"}});
  }
  ExpectRefused({{"diff", "a", "--output"}, {"changes", "a", "--output", "f"}});
}

TEST(ParseTest, ApplyReadsAFileOrStandardInput) {
  EXPECT_EQ(Good<ApplyRequest>({"apply", "a", "f.tar"}).file, "f.tar");
  EXPECT_EQ(Good<ApplyRequest>({"apply", "a", "./-"}).file, "./-");
  EXPECT_EQ(Good<ApplyRequest>({"apply", "a", "-"}).file, "");
  EXPECT_EQ(Good<ApplyRequest>({"apply", "a"}).file, "");
  ExpectRefused({{"apply"}, {"apply", "a/b"}, {"apply", "a", ""}, {"apply", "a", "f", "g"}});
}

TEST(ParseTest, ImportNamesADirectory) {
  const ImportDockerRequest import = Good<ImportDockerRequest>({"import-docker", "dir"});
  EXPECT_EQ(import.directory, "dir");
  EXPECT_FALSE(import.adopt);
  EXPECT_FALSE(import.dry_run);
  EXPECT_TRUE(Good<ImportDockerRequest>({"import-docker", "dir", "--adopt"}).adopt);
  EXPECT_TRUE(Good<ImportDockerRequest>({"import-docker", "dir", "--dry-run"}).dry_run);
  Good<CollectRequest>({"gc"});
  ExpectRefused(
      {{"import-docker"}, {"import-docker", ""}, {"import-docker", "a", "b"}, {"gc", "a"}});
}

TEST(ParseTest, CompletionIsOfAKnownShell) {
  EXPECT_EQ(Good<CompletionRequest>({"completion", "bash"}).shell, Shell::kBash);
  EXPECT_EQ(Good<CompletionRequest>({"completion", "zsh"}).shell, Shell::kZsh);
  EXPECT_EQ(Good<CompletionRequest>({"completion", "fish"}).shell, Shell::kFish);
  Good<ManualRequest>({"man"});
  ExpectRefused({{"completion"}, {"completion", "csh"}, {"completion", "BASH"}, {"man", "page"}});
}

TEST(ParseTest, HelpOnStorageOptionsIsATopic) {
  EXPECT_TRUE(Good<HelpRequest>({"help", "options"}).driver_options);
  EXPECT_FALSE(Good<HelpRequest>({"help"}).driver_options);
  ExpectRefused({{"help", "options", "dm.fs"}, {"options"}});
}

TEST(ParseTest, HelpFindsCommandsAndGroups) {
  EXPECT_EQ(Good<HelpRequest>({"help"}).command, nullptr);
  EXPECT_EQ(Good<HelpRequest>({"help", "create"}).command, FindCommand("", "create"));
  EXPECT_EQ(Good<HelpRequest>({"help", "dm", "ls"}).command, FindCommand("dm", "ls"));
  EXPECT_EQ(Good<HelpRequest>({"help", "dm"}).section, FindGroup("dm"));
  ExpectRefused({{"help", "frobnicate"},
                 {"help", "dm", "frobnicate"},
                 {"help", "create", "ls"},
                 {"help", "dm", "ls", "x"},
                 {"help", "ls", "dm"}});
}

TEST(ParseTest, HelpOptionWinsOverWhatIsMissing) {
  EXPECT_EQ(Good<HelpRequest>({"create", "--help"}).command, FindCommand("", "create"));
  EXPECT_EQ(Good<HelpRequest>({"dm", "message", "-h"}).command, FindCommand("dm", "message"));
  EXPECT_EQ(Good<HelpRequest>({"dm", "--help"}).section, FindGroup("dm"));
  EXPECT_EQ(Good<HelpRequest>({"--help"}).command, nullptr);
  EXPECT_EQ(Parse({"create", "--help"}).command, FindCommand("", "help"));
}

TEST(ParseTest, VersionOptionIsTheCommand) {
  Good<VersionRequest>({"--version"});
  EXPECT_EQ(Parse({"--version"}).command, FindCommand("", "version"));
}

TEST(ParseTest, AnErrorIsToldInTheAskedFormat) {
  for (const Words& words : {Words{"--frobnicate", "--format", "json"},
                             Words{"frobnicate", "--format=json"}, Words{"--format=json", "rm"}}) {
    const Parsed parsed = Parse(words);
    EXPECT_FALSE(parsed.request.ok());
    EXPECT_EQ(parsed.global.format, OutputFormat::kJson);
  }
  EXPECT_EQ(Parse({"frobnicate", "--", "--format=json"}).global.format, OutputFormat::kText);
}

TEST(ParseTest, ACommandIsNamedThoughItsWordsAreWrong) {
  EXPECT_EQ(Parse({"create"}).command, FindCommand("", "create"));
  EXPECT_EQ(Parse({"create", "--frobnicate"}).command, FindCommand("", "create"));
}

}  // namespace
}  // namespace dmkit::driver::cli
