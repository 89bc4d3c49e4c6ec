// SPDX-License-Identifier: Apache-2.0
// Tests of streams over texts and over descriptors.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <thread>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/linux_internal.h"
#include "sys/linux_stream.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::sys {
namespace {

std::string ReadAll(ByteSource& source, size_t piece) {
  std::string all;
  std::string buffer(piece, '?');
  while (true) {
    const auto got = source.Read(absl::MakeSpan(&buffer[0], buffer.size()));
    EXPECT_THAT(got, IsOk());
    if (got.value_or(0) == 0) return all;
    all.append(buffer, 0, *got);
  }
}

class Pipe {
 public:
  explicit Pipe(int flags = 0) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | flags), 0);
    reader = internal::UniqueFd(ends[0]);
    writer = internal::UniqueFd(ends[1]);
  }
  internal::UniqueFd reader;
  internal::UniqueFd writer;
};

TEST(StringSourceTest, GivesEverythingInPieces) {
  StringSource whole("hello world");
  EXPECT_EQ(ReadAll(whole, 4), "hello world");
  EXPECT_EQ(ReadAll(whole, 4), "");
  StringSource small("hello world", 1);
  std::string buffer(8, '?');
  EXPECT_THAT(small.Read(absl::MakeSpan(&buffer[0], buffer.size())), IsOkAndHolds(1u));
  EXPECT_EQ(ReadAll(small, 100), "ello world");
}

TEST(StringSinkTest, KeepsEverything) {
  StringSink sink;
  EXPECT_THAT(sink.Write("a"), IsOk());
  EXPECT_THAT(sink.Write(""), IsOk());
  EXPECT_THAT(sink.Write(std::string("\0b", 2)), IsOk());
  EXPECT_EQ(sink.data(), std::string("a\0b", 3));
}

TEST(FdStreamTest, CarriesBytesThroughAPipe) {
  Pipe pipe;
  EXPECT_THAT(MakeFdSink(pipe.writer.get())->Write("some bytes"), IsOk());
  pipe.writer.Reset();
  EXPECT_EQ(ReadAll(*MakeFdSource(pipe.reader.get()), 3), "some bytes");
}

TEST(FdStreamTest, LeavesTheDescriptorOpen) {
  Pipe pipe;
  MakeFdSink(pipe.writer.get());
  MakeFdSource(pipe.reader.get());
  EXPECT_NE(fcntl(pipe.writer.get(), F_GETFD), -1);
  EXPECT_NE(fcntl(pipe.reader.get(), F_GETFD), -1);
}

TEST(FdStreamTest, WaitsForDescriptorsThatDoNotBlock) {
  Pipe pipe(O_NONBLOCK);
  const std::string much(1 << 20, 'x');
  std::thread writer([&pipe, &much] {
    EXPECT_THAT(MakeFdSink(pipe.writer.get())->Write(much), IsOk());
    pipe.writer.Reset();
  });
  EXPECT_EQ(ReadAll(*MakeFdSource(pipe.reader.get()), 4096), much);
  writer.join();
}

TEST(FdStreamTest, FailsWithTheErrnoOfTheCall) {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  char byte = 0;
  EXPECT_THAT(MakeFdSource(pipe.writer.get())->Read(absl::MakeSpan(&byte, 1)),
              FailsWithErrno(EBADF));
  EXPECT_THAT(MakeFdSink(pipe.reader.get())->Write("x"), FailsWithErrno(EBADF));
  EXPECT_THAT(MakeFdSource(-1)->Read(absl::MakeSpan(&byte, 1)), FailsWithErrno(EBADF));
  pipe.reader.Reset();
  EXPECT_THAT(MakeFdSink(pipe.writer.get())->Write("x"), FailsWithErrno(EPIPE));
  EXPECT_THAT(MakeFdSink(pipe.writer.get())->Write(""), IsOk());
}

}  // namespace
}  // namespace dmkit::sys
