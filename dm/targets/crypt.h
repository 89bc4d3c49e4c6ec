// SPDX-License-Identifier: Apache-2.0
// The crypt target: encryption of each sector of another device. Pure text, no system calls. Its
// status is empty: see plain_status.h.
// Mirrors drivers/md/dm-crypt.c: crypt_ctr(), crypt_ctr_optional(), crypt_ctr_cipher_old(),
// crypt_set_key(), crypt_set_keyring_key(), crypt_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_CRYPT_H_
#define DMKIT_DM_TARGETS_CRYPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/secret.h"
#include "sys/units.h"

namespace dmkit::dm {

// A key that the kernel takes out of a keyring of the process that loads the table.
struct KeyringKey {
  uint32_t bytes = 0;  // its size
  std::string type;    // "logon", "user", "encrypted" or "trusted"
  std::string description;
  auto Fields() const { return std::tie(bytes, type, description); }
};

// Room for a tag beside each sector, which the device below has to offer.
struct CryptTag {
  uint32_t bytes = 0;          // 1 to 480
  bool authenticated = false;  // "aead", else "none"
  auto Fields() const { return std::tie(bytes, authenticated); }
};

struct CryptArgs {
  // "aes-xts-plain64" (CIPHER[:KEYS]-MODE-IV[:OPTIONS]) or "capi:xts(aes)-plain64".
  std::string cipher;
  // The key: in hexadecimal digits, or in a keyring, or none ("-").
  sys::Secret key_digits;
  std::optional<KeyringKey> keyring_key;
  uint64_t iv_offset = 0;  // in sectors of 512 bytes; whole sectors of `sector_bytes`
  sys::DeviceNumber device;
  sys::Sectors offset;  // where the encrypted data start on it

  bool allow_discards = false;
  bool same_cpu_crypt = false;
  bool high_priority = false;  // since 6.10
  bool submit_from_crypt_cpus = false;
  bool no_read_workqueue = false;
  bool no_write_workqueue = false;
  std::optional<CryptTag> tag;
  uint32_t sector_bytes = 512;  // 512, 1024, 2048 or 4096
  bool iv_large_sectors = false;
  std::optional<uint32_t> integrity_key_bytes;  // since 6.12; not 0
  // Words of newer kernels. They come last.
  std::vector<std::string> other_options;

  auto Fields() const {
    return std::tie(cipher, key_digits, keyring_key, iv_offset, device, offset, allow_discards,
                    same_cpu_crypt, high_priority, submit_from_crypt_cpus, no_read_workqueue,
                    no_write_workqueue, tag, sector_bytes, iv_large_sectors, integrity_key_bytes,
                    other_options);
  }
};

class CryptTarget {
 public:
  static constexpr absl::string_view kType = "crypt";

  // The key comes out in small letters. INVALID_ARGUMENT, which never shows it, for what the kernel
  // refuses whatever ciphers it has: a key that is no digits, of a kind of its own, or given twice;
  // a cipher without IV mode but for ecb, or in the old form with parentheses or "aead"; sizes out
  // of range; more than 9 options. And for an odd digit at the key's end, which the kernel drops
  // without a word.
  static absl::StatusOr<CryptTarget> Create(CryptArgs args);
  // The parameters in the string that the kernel prints, key included. DATA_LOSS, without the key,
  // when it is not understood.
  static absl::StatusOr<CryptTarget> Parse(absl::string_view params);

  const CryptArgs& args() const { return args_; }

  // The parameter string, with the key, in one piece of memory: overwrite it when it has been used
  // (sys/secret.h, dm/keys.h). The kernel prints the same.
  std::string Params() const;
  // The same with zeros for a key's digits: for messages.
  std::string DebugString() const;
  // The line holds the key as Params does. INVALID_ARGUMENT when `length` is not whole sectors of
  // the target.
  absl::StatusOr<TableLine> Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(args_); }

 private:
  explicit CryptTarget(CryptArgs args);

  CryptArgs args_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_CRYPT_H_
