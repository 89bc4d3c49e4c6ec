// SPDX-License-Identifier: Apache-2.0

#include "thinp/state_file.h"

#include <cerrno>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"
#include "sys/crc32c.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

proto::DeviceState Device() {
  proto::DeviceState device;
  device.set_name("web");
  device.set_thin_id(12);
  device.set_size_bytes(10737418240);
  device.set_transaction_id(31);
  device.set_origin("base");
  device.mutable_labels()->set_filesystem("ext4");
  device.mutable_labels()->set_ready(true);
  return device;
}

const char kDeviceText[] =
    "name: \"web\"\n"
    "thin_id: 12\n"
    "size_bytes: 10737418240\n"
    "transaction_id: 31\n"
    "origin: \"base\"\n"
    "labels {\n"
    "  filesystem: \"ext4\"\n"
    "  ready: true\n"
    "}\n";

// `before` with a footer that matches it.
std::string Sealed(const std::string& before) {
  return absl::StrCat(before, "# crc32c ", absl::Hex(sys::Crc32c(before), absl::kZeroPad8), "\n");
}

std::string DeviceFile() { return EncodeState("device", 1, Device()); }

// Decodes into a message that holds something, and proves that an error leaves it alone.
absl::Status Decode(const std::string& file) {
  proto::DeviceState state;
  state.set_name("before");
  absl::Status status = DecodeState("device", 1, file, state);
  if (!status.ok()) {
    EXPECT_EQ(state.ShortDebugString(), "name: \"before\"");
  }
  return status;
}

TEST(EncodeStateTest, WritesHeaderTextAndFooter) {
  const std::string before = std::string("# dmkit device v1\n") + kDeviceText;
  EXPECT_EQ(DeviceFile(), Sealed(before));
}

// The example in STATE_FORMAT.md.
TEST(EncodeStateTest, BytesAreThoseOfTheDescription) {
  proto::DeviceState device;
  device.set_name("web");
  device.set_thin_id(12);
  device.set_size_bytes(1073741824);
  device.set_transaction_id(31);
  EXPECT_EQ(EncodeState("device", 1, device),
            "# dmkit device v1\n"
            "name: \"web\"\n"
            "thin_id: 12\n"
            "size_bytes: 1073741824\n"
            "transaction_id: 31\n"
            "# crc32c 2abfb196\n");
}

TEST(EncodeStateTest, EmptyMessageHasNoText) {
  EXPECT_EQ(EncodeState("set", 7, proto::SetState()), Sealed("# dmkit set v7\n"));
}

TEST(EncodeStateTest, BytesOutsidePrintableAsciiAreEscaped) {
  proto::DeviceState device;
  device.set_origin("a\nb\r# crc32c \xc3\xa4\x7f\"\\");
  const std::string file = EncodeState("device", 1, device);
  for (const char c : file) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << int{c};
  proto::DeviceState decoded;
  ASSERT_THAT(DecodeState("device", 1, file, decoded), IsOk());
  EXPECT_EQ(decoded.origin(), device.origin());
}

TEST(DecodeStateTest, IsTheInverse) {
  proto::DeviceState decoded;
  decoded.set_origin("is replaced");
  ASSERT_THAT(DecodeState("device", 1, DeviceFile(), decoded), IsOk());
  EXPECT_EQ(decoded.DebugString(), Device().DebugString());

  decoded = Device();
  ASSERT_THAT(DecodeState("device", 1, EncodeState("device", 1, proto::DeviceState()), decoded),
              IsOk());
  EXPECT_EQ(decoded.DebugString(), "");
}

TEST(DecodeStateTest, OlderVersionsAreRead) {
  proto::DeviceState decoded;
  EXPECT_THAT(DecodeState("device", 2, DeviceFile(), decoded), IsOk());
  EXPECT_THAT(DecodeState("device", 4294967295u, DeviceFile(), decoded), IsOk());
}

TEST(DecodeStateTest, FileCutOffAtAnyByteIsDataLoss) {
  const std::string file = DeviceFile();
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_THAT(Decode(file.substr(0, length)), FailsWithCode(kDataLoss)) << length;
    EXPECT_THAT(Decode(file.substr(file.size() - length)), FailsWithCode(kDataLoss)) << length;
  }
}

TEST(DecodeStateTest, AnyFlippedBitIsDataLoss) {
  const std::string file = DeviceFile();
  for (size_t i = 0; i < file.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(file[i]) ^ (1u << bit));
      EXPECT_THAT(Decode(damaged), FailsWithCode(kDataLoss)) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(DecodeStateTest, AnyMissingDoubledOrAddedByteIsDataLoss) {
  const std::string file = DeviceFile();
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged.erase(i, 1);
    EXPECT_THAT(Decode(damaged), FailsWithCode(kDataLoss)) << "without byte " << i;
    damaged = file;
    damaged.insert(i, 1, file[i]);
    EXPECT_THAT(Decode(damaged), FailsWithCode(kDataLoss)) << "byte " << i << " twice";
    damaged = file;
    damaged.insert(i, 1, '\0');
    EXPECT_THAT(Decode(damaged), FailsWithCode(kDataLoss)) << "NUL before byte " << i;
  }
}

// What a power cut leaves of a file that was written in place.
TEST(DecodeStateTest, EndOfZerosIsDataLoss) {
  const std::string file = DeviceFile();
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_THAT(Decode(file.substr(0, length) + std::string(file.size() - length, '\0')),
                FailsWithCode(kDataLoss))
        << length;
  }
}

TEST(DecodeStateTest, WhatFollowsTheFooterIsDataLoss) {
  const std::string file = DeviceFile();
  const std::string footer = file.substr(file.rfind("# crc32c"));
  for (const std::string& tail :
       {std::string("\n"), std::string(" "), std::string("garbage"), std::string("garbage\n"),
        std::string(1, '\0'), std::string(4096, '\0'), footer, footer + footer, file,
        std::string("name: \"other\"\n")}) {
    EXPECT_THAT(Decode(file + tail), FailsWithCode(kDataLoss)) << tail;
  }
}

// Damage that somebody has put a right checksum on.
TEST(DecodeStateTest, TextThatIsNeverWrittenIsDataLossDespiteItsChecksum) {
  const std::string header = "# dmkit device v1\n";
  const std::string text = kDeviceText;
  const std::string before = header + text;
  const std::string cases[] = {
      // a second footer, a second file, comments
      Sealed(DeviceFile()),
      Sealed(before + DeviceFile()),
      Sealed(header + header + text),
      Sealed(header + "# edited by hand\n" + text),
      Sealed(header + text + "#\n"),
      // other line ends and bytes
      Sealed(absl::StrReplaceAll(before, {{"\n", "\r\n"}})),
      Sealed(absl::StrReplaceAll(before, {{"thin_id: 12\n", "thin_id: 12\r\n"}})),
      Sealed(absl::StrReplaceAll(before, {{"  ready", "\tready"}})),
      Sealed(header + std::string(1, '\0') + text),
      Sealed(absl::StrReplaceAll(before, {{"web", "w\xc3\xa4"}})),
      Sealed("\xef\xbb\xbf" + before),
      // no line end before the footer
      Sealed(before.substr(0, before.size() - 1)),
      // no text proto, or not this one
      Sealed(header + "name: \"web\n"),
      Sealed(header + "name: web\n"),
      Sealed(header + "thin_id: -1\n"),
      Sealed(header + "thin_id: 4294967296\n"),
      Sealed(header + "thin_id: \"12\"\n"),
      Sealed(header + "labels {\n"),
      Sealed(header + "}\n"),
      Sealed(header + "set_uuid: \"x\"\n"),
      Sealed(header + "future_field: 1\n"),
      Sealed(header + "9: 1\n"),
      Sealed(header + "thin_id: 12\nthin_id: 13\n"),
      Sealed(header + "labels { ready: true }\nlabels { ready: true }\n"),
      Sealed(header + "[type.googleapis.com/x] { }\n"),
  };
  for (const std::string& file : cases) {
    EXPECT_THAT(Decode(file), FailsWithCode(kDataLoss)) << file;
  }
}

TEST(DecodeStateTest, OtherFirstLinesAreDataLossDespiteTheirChecksum) {
  for (const char* header : {"",
                             "\n",
                             "# dmkit device v0\n",
                             "# dmkit device v01\n",
                             "# dmkit device v\n",
                             "# dmkit device v-1\n",
                             "# dmkit device v1 \n",
                             "# dmkit device v1\r\n",
                             "# dmkit device 1\n",
                             "# dmkit device v4294967296\n",
                             "# dmkit device v1x\n",
                             "# dmkit  device v1\n",
                             "# dmkit devices v1\n",
                             "# dmkit devic v1\n",
                             "# dmkit set v1\n",
                             "# dmkit transaction v1\n",
                             "# dmkit set v2\n",
                             "# DMKIT device v1\n",
                             " # dmkit device v1\n",
                             "\n# dmkit device v1\n",
                             "dmkit device v1\n"}) {
    EXPECT_THAT(Decode(Sealed(absl::StrCat(header, kDeviceText))), FailsWithCode(kDataLoss))
        << header;
  }
}

TEST(DecodeStateTest, FooterHasOneForm) {
  const std::string file = DeviceFile();
  const size_t footer = file.rfind("# crc32c ");
  const std::string before = file.substr(0, footer);
  const std::string digits = file.substr(footer + 9, 8);
  const std::string upper = absl::AsciiStrToUpper(digits);
  ASSERT_NE(upper, digits);
  ASSERT_THAT(Decode(before + "# crc32c " + digits + "\n"), IsOk());
  for (const std::string& other :
       {"# crc32c " + upper + "\n", "# crc32c " + digits, "# crc32c 0" + digits + "\n",
        "# crc32c 0x" + digits + "\n", "# crc32c  " + digits + "\n", "#crc32c " + digits + "\n",
        "# crc32c " + digits + " \n", "# crc32c " + digits + "\r\n", "# CRC32C " + digits + "\n",
        "# crc32 " + digits + "\n", " # crc32c " + digits + "\n"}) {
    EXPECT_THAT(Decode(before + other), FailsWithCode(kDataLoss)) << other;
  }
}

TEST(DecodeStateTest, EmptyFileIsDataLossAndCalledSo) {
  EXPECT_THAT(Decode(""), FailsWithCode(kDataLoss));
  EXPECT_THAT(std::string(Decode("").message()), HasSubstr("empty"));
}

// Our own messages cannot be nested without end, so a message that can stands in for them.
TEST(DecodeStateTest, NestingDeeperThanAnyStateIsDataLoss) {
  const auto nested = [](int levels) {
    std::string text = "string_value: \"x\"";
    for (int i = 0; i < levels; ++i) {
      text = absl::StrCat("list_value { values { ", text, " } }");
    }
    google::protobuf::Value value;
    return DecodeState("test", 1, Sealed(absl::StrCat("# dmkit test v1\n", text, "\n")), value);
  };
  EXPECT_THAT(nested(3), IsOk());
  EXPECT_THAT(nested(20), FailsWithCode(kDataLoss));
}

TEST(DecodeStateTest, FileLongerThanTheMaximumIsDataLoss) {
  const std::string header = "# dmkit device v1\n";
  const std::string exact =
      Sealed(header + std::string(kStateFileBytesMax - header.size() - 18, '\n'));
  ASSERT_EQ(exact.size(), kStateFileBytesMax);
  EXPECT_THAT(Decode(exact), IsOk());
  EXPECT_THAT(Decode(Sealed(header + std::string(kStateFileBytesMax - header.size() - 17, '\n'))),
              FailsWithCode(kDataLoss));
}

TEST(DecodeStateTest, WholeFileOfANewerVersionIsFailedPrecondition) {
  for (const uint32_t version : {2u, 10u, 4294967295u}) {
    EXPECT_THAT(Decode(EncodeState("device", version, Device())),
                FailsWithCode(absl::StatusCode::kFailedPrecondition));
  }
  // Its text may be of a form that this version does not know.
  EXPECT_THAT(Decode(Sealed("# dmkit device v2\n# a comment\n\xff\n")),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
}

TEST(DecodeStateTest, DamagedFileOfANewerVersionIsDataLoss) {
  const std::string file = EncodeState("device", 2, Device());
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_THAT(Decode(file.substr(0, length)), FailsWithCode(kDataLoss)) << length;
  }
}

TEST(DecodeStateTest, MessageSaysWhere) {
  const absl::Status status = Decode(Sealed("# dmkit device v1\nthin_id: 12\nsize_bytes: x\n"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 3 column 13"));
}

class StateFileTest : public ::testing::Test {
 protected:
  StateFileTest() : faulty_(linux_.host()), dir_(*faulty_.host().root->OpenDir(temp_.path())) {}

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::FaultyHost faulty_;
  std::unique_ptr<sys::Dir> dir_;
};

TEST_F(StateFileTest, WrittenStateIsRead) {
  ASSERT_THAT(WriteState(*dir_, "web", "device", 1, Device()), IsOk());
  proto::DeviceState read;
  ASSERT_THAT(ReadState(*dir_, "web", "device", 1, read), IsOk());
  EXPECT_EQ(read.DebugString(), Device().DebugString());
  EXPECT_EQ(*sys::ReadFile(*dir_, "web", kStateFileBytesMax), DeviceFile());
}

TEST_F(StateFileTest, MissingFileFailsWithEnoent) {
  proto::DeviceState read;
  EXPECT_THAT(ReadState(*dir_, "web", "device", 1, read), FailsWithErrno(ENOENT));
}

TEST_F(StateFileTest, FailureToReadKeepsItsErrno) {
  ASSERT_THAT(WriteState(*dir_, "web", "device", 1, Device()), IsOk());
  faulty_.SetPlan(sys::FaultyHost::FailMatching("ReadAt", "web", EIO));
  proto::DeviceState read;
  EXPECT_THAT(ReadState(*dir_, "web", "device", 1, read), FailsWithErrno(EIO));
}

TEST_F(StateFileTest, DamagedFileIsDataLossAndNamed) {
  ASSERT_THAT(sys::ReplaceFile(*dir_, "web", DeviceFile().substr(1)), IsOk());
  proto::DeviceState read;
  const absl::Status status = ReadState(*dir_, "web", "device", 1, read);
  EXPECT_THAT(status, FailsWithCode(kDataLoss));
  EXPECT_THAT(std::string(status.message()), HasSubstr("web"));
}

TEST_F(StateFileTest, FileTooLongToBeOneIsDataLoss) {
  ASSERT_THAT(sys::ReplaceFile(*dir_, "web", std::string(kStateFileBytesMax + 1, 'x')), IsOk());
  proto::DeviceState read;
  EXPECT_THAT(ReadState(*dir_, "web", "device", 1, read), FailsWithCode(kDataLoss));
}

TEST_F(StateFileTest, WhatCouldNotBeReadBackIsNotWritten) {
  ASSERT_THAT(WriteState(*dir_, "web", "device", 1, Device()), IsOk());
  proto::DeviceState large = Device();
  large.set_origin(std::string(kStateFileBytesMax, 'o'));
  EXPECT_THAT(WriteState(*dir_, "web", "device", 1, large),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(*sys::ReadFile(*dir_, "web", kStateFileBytesMax), DeviceFile());
}

TEST_F(StateFileTest, EveryFailureOfAWriteIsReportedAndLeavesAWholeFile) {
  proto::DeviceState next = Device();
  next.set_thin_id(13);
  for (uint64_t call = 1;; ++call) {
    faulty_.SetPlan(nullptr);
    ASSERT_THAT(WriteState(*dir_, "web", "device", 1, Device()), IsOk());
    faulty_.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const absl::Status written = WriteState(*dir_, "web", "device", 1, next);
    const bool failed = faulty_.calls() >= call;
    faulty_.SetPlan(nullptr);
    proto::DeviceState read;
    ASSERT_THAT(ReadState(*dir_, "web", "device", 1, read), IsOk()) << "call " << call;
    EXPECT_TRUE(read.thin_id() == 12 || read.thin_id() == 13);
    if (!failed) {
      EXPECT_THAT(written, IsOk());
      EXPECT_GT(call, 4u);
      break;
    }
    EXPECT_THAT(written, FailsWithErrno(EIO)) << "call " << call;
  }
}

}  // namespace
}  // namespace dmkit::thinp
