// SPDX-License-Identifier: Apache-2.0
// Which words of table parameters and messages are keys. The one place that knows, for what is
// printed as for what is kept from staying in memory. Pure: text in, text out.
//
// A key is one given by its digits. The name of a key in a keyring (":32:logon:...") is none.

#ifndef DMKIT_DM_KEYS_H_
#define DMKIT_DM_KEYS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/requests.h"
#include "dm/types.h"

namespace dmkit::dm {

// Whether `params` of a target of `type` hold a key: crypt's second word, and what stands behind
// the algorithm in integrity's internal_hash, journal_crypt and journal_mac. Words are cut as the
// kernel cuts them (dm-table.c, dm_split_args(), v6.1).
bool HoldsKey(absl::string_view type, absl::string_view params);
// Whether one of its lines does.
bool HoldsKey(const std::vector<TableLine>& table);
// Whether it is crypt's "key set DIGITS" (dm-crypt.c, crypt_message(), v6.1).
bool MessageHoldsKey(absl::string_view message);

// `params` with each byte of a key turned into '0', and crypt's "-" too, as dmsetup prints them.
std::string HideKeys(absl::string_view type, absl::string_view params);
// The same with all targets of a table that was read, in their place: nothing of a key is left.
void HideKeys(TableReply& reply);
// `message` with each byte of a key turned into '0'.
std::string HideMessageKey(absl::string_view message);

// Overwrites the parameters of all lines, and makes them empty.
void WipeParams(std::vector<TableLine>& table);
// Overwrites the texts of all targets, and makes them empty.
void WipeTexts(TableReply& reply);

// Whether `request` has its `secure` set.
bool IsSecure(const Request& request);
// Overwrites the part of `request` that may hold a key: the table's parameters, or the message.
void WipeKeys(Request& request);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_KEYS_H_
