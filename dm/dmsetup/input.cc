// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/input.h"

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sys/secret.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr size_t kPieceBytes = 16 * 1024;

// Leaves nothing of the text where it was: it may hold keys.
void Grow(std::string& text, size_t size) {
  std::string larger(size, '\0');
  text.copy(&larger[0], text.size());
  sys::Wipe(text);
  text.swap(larger);
}

// Calls `read(offset, buffer)` until it gives nothing. RESOURCE_EXHAUSTED: too much.
template <typename Read>
absl::StatusOr<std::string> ReadToEnd(Read read) {
  std::string text(kPieceBytes, '\0');
  const absl::Cleanup wipe = [&] { sys::Wipe(text); };
  size_t length = 0;
  while (length <= kInputBytesMax) {
    if (length == text.size()) Grow(text, 2 * length);
    DMKIT_ASSIGN_OR_RETURN(const size_t got, read(length, absl::MakeSpan(text).subspan(length)));
    length += got;
    if (got != 0) continue;
    text.resize(length);
    return text;
  }
  return absl::ResourceExhaustedError(absl::StrCat("more than ", kInputBytesMax, " bytes"));
}

}  // namespace

std::optional<std::string> ReadInput(Context& context) {
  absl::StatusOr<std::string> text =
      ReadToEnd([&](size_t, absl::Span<char> buffer) { return context.streams.in->Read(buffer); });
  if (text.ok()) return *std::move(text);
  context.Fail(absl::StrCat("Read from stdin aborted: ", Reason(text.status())), "", text.status());
  return std::nullopt;
}

std::optional<char> ReadByte(Context& context) {
  char byte = 0;
  const absl::StatusOr<size_t> got = context.streams.in->Read(absl::MakeSpan(&byte, 1));
  if (!got.ok() || *got == 0) return std::nullopt;
  return byte;
}

std::optional<std::string> ReadTableFile(Context& context, const std::string& path) {
  absl::StatusOr<std::unique_ptr<sys::File>> file =
      context.host.root->OpenFile(context.Path(path), sys::OpenOptions());
  if (!file.ok()) {
    context.Fail(absl::StrCat("Couldn't open '", path, "' for reading."), path, file.status());
    return std::nullopt;
  }
  absl::StatusOr<std::string> text =
      ReadToEnd([&](size_t at, absl::Span<char> buffer) { return (*file)->ReadAt(at, buffer); });
  if (text.ok()) return *std::move(text);
  context.Fail(absl::StrCat("Couldn't read '", path, "': ", Reason(text.status())), path,
               text.status());
  return std::nullopt;
}

}  // namespace dmkit::dm::dmsetup
