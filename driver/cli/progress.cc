// SPDX-License-Identifier: Apache-2.0
// Both styles of progress.

#include "driver/cli/progress.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/cli/displayable.h"
#include "driver/cli/error.pb.h"
#include "driver/cli/json.h"
#include "driver/options.h"
#include "sys/host.h"
#include "sys/stream.h"
#include "sys/units.h"

namespace dmkit::driver::cli {
namespace {

// What is over sooner needs no progress, and fewer lines are easier to read.
constexpr absl::Duration kFirst = absl::Seconds(1);
constexpr absl::Duration kTerminalPause = absl::Milliseconds(250);
constexpr absl::Duration kJsonPause = absl::Seconds(1);

// To the start of the line, and nothing behind that.
constexpr absl::string_view kClearLine = "\r\x1b[K";

}  // namespace

Progress::Progress(Style style, sys::Clock& clock, sys::ByteSink& err, absl::string_view command,
                   absl::string_view object)
    : style_(style),
      clock_(clock),
      err_(err),
      command_(command),
      object_(object),
      start_(clock.Now()),
      told_(start_),
      now_(start_) {}

Progress::~Progress() { Clear(); }

void Progress::Report(uint64_t bytes) {
  bytes_ = bytes;
  if (style_ == Style::kNone) return;
  now_ = std::max(clock_.Now(), now_);
  const absl::Duration pause = style_ == Style::kJson ? kJsonPause : kTerminalPause;
  if (now_ - start_ < kFirst || now_ - told_ < pause) return;
  told_ = now_;
  if (style_ == Style::kJson) return WriteJson(false);
  const double seconds = absl::ToDoubleSeconds(now_ - start_);
  const auto rate = static_cast<uint64_t>(static_cast<double>(bytes_) / seconds);
  shown_ = true;
  err_.Write(absl::StrCat(kClearLine, command_, " ", DisplayableLine(object_), ": ",
                          HumanSize(sys::Bytes(bytes_)), ", ", HumanSize(sys::Bytes(rate)), "/s"))
      .IgnoreError();
}

void Progress::Done() {
  Clear();
  if (style_ != Style::kJson) return;
  now_ = std::max(clock_.Now(), now_);
  WriteJson(true);
}

void Progress::WriteJson(bool done) {
  proto::Advance advance;
  proto::Progress& progress = *advance.mutable_progress();
  progress.set_command(command_);
  progress.set_object(object_);
  progress.set_bytes(bytes_);
  progress.set_seconds(absl::ToDoubleSeconds(now_ - start_));
  progress.set_done(done);
  err_.Write(ToJson(advance)).IgnoreError();
}

void Progress::Clear() {
  if (shown_) err_.Write(kClearLine).IgnoreError();
  shown_ = false;
}

}  // namespace dmkit::driver::cli
