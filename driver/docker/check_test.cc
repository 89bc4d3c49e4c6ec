// SPDX-License-Identifier: Apache-2.0
// Tests of what of a store can be used, on stores and pools made up.

#include "driver/docker/check.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A pool at transaction 5 with the thin devices 1, 2 and 3; a store that names them all.
class DockerCheckTest : public ::testing::Test {
 protected:
  DockerCheckTest() {
    pool_.superblock.transaction_id = 5;
    pool_.superblock.data_block_size = sys::Sectors{128};
    for (const uint32_t id : {1u, 2u, 3u}) {
      thinp::MetadataDevice device;
      device.id = *thinp::ThinId::Create(id);
      device.mapped_blocks = id;
      pool_.devices.push_back(device);
    }
    store_.devices["base"] = {1, 1 << 20, 1, true, false};
    store_.devices["aa"] = {2, 1 << 20, 2, false, false};
    store_.devices["bb-init"] = {3, 2 << 20, 3, false, false};
    store_.transaction = DockerTransaction{5, "aa", 2};
  }

  CheckedStore Check() { return CheckStore(store_, pool_); }

  static std::vector<std::string> Names(const CheckedStore& checked) {
    std::vector<std::string> names;
    for (const auto& [name, device] : checked.usable) names.push_back(name);
    return names;
  }

  static std::vector<std::string> Problems(const CheckedStore& checked) {
    std::vector<std::string> lines;
    for (const report::Problem& problem : checked.problems) {
      EXPECT_NE(problem.advice(), "");
      lines.push_back(absl::StrCat(problem.object(), ": ", problem.problem()));
    }
    return lines;
  }

  DockerStore store_;
  PoolRecord pool_;
};

TEST_F(DockerCheckTest, AWholeStoreHasNoProblems) {
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("aa", "base", "bb-init"));
  EXPECT_THAT(Problems(checked), IsEmpty());
  EXPECT_EQ(checked.usable.at("bb-init").mapped_bytes, 3u << 16);
}

TEST_F(DockerCheckTest, AStoreWithoutATransactionFileIsWhole) {
  store_.transaction.reset();
  EXPECT_THAT(Problems(Check()), IsEmpty());
}

TEST_F(DockerCheckTest, ADeviceThatThePoolDoesNotHaveIsLeftOut) {
  store_.devices["cc"] = {9, 1 << 20, 4, false, false};
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("aa", "base", "bb-init"));
  EXPECT_THAT(Problems(checked),
              ElementsAre(AllOf(HasSubstr("\"cc\""), HasSubstr("no thin device 9"))));
}

TEST_F(DockerCheckTest, AThinIdWithoutARecordIsAProblem) {
  store_.devices.erase("aa");
  EXPECT_THAT(Problems(Check()),
              ElementsAre(AllOf(HasSubstr("thin id 2"), HasSubstr("no record names it"))));
}

TEST_F(DockerCheckTest, RecordsOfOneThinDeviceAreAllLeftOut) {
  store_.devices["cc"] = {2, 1 << 20, 4, false, false};
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("base", "bb-init"));
  EXPECT_THAT(Problems(checked), UnorderedElementsAre(HasSubstr("\"aa\""), HasSubstr("\"cc\"")));
}

TEST_F(DockerCheckTest, TheLayerOfAnOpenTransactionIsLeftOut) {
  store_.transaction = DockerTransaction{6, "aa", 2};
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("base", "bb-init"));
  EXPECT_THAT(Problems(checked),
              ElementsAre(AllOf(HasSubstr("transaction 6"), HasSubstr("not completed")),
                          HasSubstr("open transaction")));
}

TEST_F(DockerCheckTest, AnOpenTransactionWithoutALayerIsThatOfTheBase) {
  store_.transaction = DockerTransaction{6, "", 1};
  EXPECT_THAT(Names(Check()), ElementsAre("aa", "bb-init"));
}

TEST_F(DockerCheckTest, APoolThatIsFurtherOnIsAProblemOfNoLayer) {
  store_.transaction = DockerTransaction{4, "aa", 2};
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("aa", "base", "bb-init"));
  EXPECT_THAT(Problems(checked), ElementsAre(HasSubstr("further on")));
}

TEST_F(DockerCheckTest, ALayerOfALaterTransactionIsLeftOut) {
  store_.devices["aa"].transaction_id = 6;
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("base", "bb-init"));
  EXPECT_THAT(Problems(checked), ElementsAre(HasSubstr("transaction 6")));
}

TEST_F(DockerCheckTest, ADeletedLayerIsKeptApart) {
  store_.devices["aa"].deleted = true;
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("base", "bb-init"));
  EXPECT_EQ(checked.deleted.count("aa"), 1u);
  EXPECT_THAT(Problems(checked), ElementsAre(HasSubstr("removed it while it was in use")));
}

TEST_F(DockerCheckTest, ASizeThatNoDeviceHasIsAProblem) {
  store_.devices["aa"].size_bytes = 0;
  store_.devices["bb-init"].size_bytes = 1000;
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("base"));
  EXPECT_THAT(Problems(checked), ElementsAre(HasSubstr("0 bytes"), HasSubstr("1000 bytes")));
}

TEST_F(DockerCheckTest, ANameThatNoLayerHasIsAProblem) {
  store_.devices["pool"] = store_.devices["aa"];
  store_.devices.erase("aa");
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("base", "bb-init"));
  EXPECT_THAT(Problems(checked), ElementsAre(HasSubstr("\"pool\"")));
}

TEST_F(DockerCheckTest, AnUnfinishedBaseIsLeftOut) {
  store_.devices["base"].initialized = false;
  const CheckedStore checked = Check();
  EXPECT_THAT(Names(checked), ElementsAre("aa", "bb-init"));
  EXPECT_THAT(Problems(checked), ElementsAre(HasSubstr("interrupted")));
}

TEST_F(DockerCheckTest, ADamagedPoolIsAProblem) {
  pool_.superblock.needs_check = true;
  EXPECT_THAT(Problems(Check()), ElementsAre(HasSubstr("needs_check")));
}

TEST_F(DockerCheckTest, ProblemsOfFilesComeFirst) {
  report::Problem& file = store_.problems.emplace_back();
  file.set_object("metadata/cc");
  file.set_problem("cut off");
  file.set_advice("restore it");
  store_.devices.erase("aa");
  EXPECT_THAT(Problems(Check()), ElementsAre("metadata/cc: cut off", HasSubstr("thin id 2")));
}

}  // namespace
}  // namespace dmkit::driver
