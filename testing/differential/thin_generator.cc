// SPDX-License-Identifier: Apache-2.0
// Histories of thin pools: a pool "p" (minor 0) over loop0 (metadata) and loop1 (data), a second
// one "q" (minor 1) that fights with it, thin devices "t0" to "t3" (minors 2 to 5), messages,
// reads, writes and discards, growth and shrinking of both devices.
//
// Pools fail at once when they are full, but for those of a few histories: a write that waits for
// room ends a history.

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "loop/uapi.h"
#include "testing/conformance/dm_request.h"
#include "testing/differential/generator.h"
#include "testing/differential/random.h"
#include "testing/differential/swarm.h"

namespace dmkit::differential {
namespace {

using conformance::DmRequest;

constexpr uint32_t kFirstThin = 2;
constexpr uint32_t kThins = 4;
// Opened by the first steps of each history: the backing files of loop0 and loop1.
constexpr size_t kMetadataFile = kSlots - 2;
constexpr size_t kDataFile = kSlots - 1;
constexpr uint64_t kBlockBytes = 65536;

class ThinGeneratorImpl : public Generator {
 public:
  ThinGeneratorImpl(uint64_t seed, const Setting& setting)
      : setting_(setting), choices_(seed), swarm_(choices_) {
    has_odd_words_ = choices_.OneIn(2);
    has_second_pool_ = choices_.OneIn(4);
    is_small_ = choices_.OneIn(2);
    is_queueing_ = choices_.OneIn(6);
    has_long_tables_ = choices_.OneIn(4);
    AddOperations();
    Begin();
  }

  Operation Next() override {
    if (next_ < beginning_.size()) return beginning_[next_++];
    return swarm_.Next();
  }

 private:
  // A pool with two thin devices, so that what comes then has something to work on.
  void Begin() {
    beginning_.push_back(OpenFile(kMetadataFile, 0));
    beginning_.push_back(OpenFile(kDataFile, 1));
    if (choices_.OneIn(8)) return;
    beginning_.push_back(Create("p"));
    beginning_.push_back(
        LoadTable("p", DataBlocks() * 128, "thin-pool", absl::StrCat("7:0 7:1 128 0", WhenFull())));
    beginning_.push_back(Suspend("p", 0));
    for (uint32_t id = 0; id < 2; ++id) {
      beginning_.push_back(Send("p", absl::StrCat("create_thin ", id)));
      const std::string name = ThinName(id);
      beginning_.push_back(Create(name));
      beginning_.push_back(LoadTable(name, 2048, "thin", absl::StrCat(Pool("p"), " ", id)));
      beginning_.push_back(Suspend(name, 0));
    }
  }

  void AddOperations() {
    swarm_.Always(4, [this] { return Create(AnyName()); });
    swarm_.Always(6, [this] { return LoadThin(); });
    swarm_.Sometimes(4, [this] { return LoadPool(); });
    swarm_.Sometimes(2, [this] { return LoadOther(); });
    swarm_.Always(10, [this] { return Suspend(AnyName(), 0); });
    swarm_.Sometimes(5, [this] { return Suspend(AnyName(), DM_SUSPEND_FLAG | OddSuspend()); });
    swarm_.Always(10, [this] { return Send(PoolName(), Message()); });
    swarm_.Sometimes(1, [this] { return OddlySent(); });
    swarm_.Always(10, [this] { return Status(); });
    swarm_.Sometimes(3, [this] { return Named(DM_DEV_STATUS, AnyName(), 0); });
    swarm_.Sometimes(1, [this] { return Wait(); });
    swarm_.Sometimes(3, [this] { return Named(DM_DEV_REMOVE, AnyName(), Deferred()); });
    swarm_.Sometimes(2, [this] { return Named(DM_TABLE_CLEAR, AnyName(), 0); });
    swarm_.Sometimes(2, [this] { return Named(DM_TABLE_DEPS, AnyName(), 0); });
    swarm_.Sometimes(1, [this] { return Named(DM_REMOVE_ALL, "", Deferred()); });
    swarm_.Sometimes(2, [this] { return Named(DM_LIST_DEVICES, "", 0); });
    swarm_.Always(12, [this] { return Open(); });
    swarm_.Sometimes(1, [this] { return OnSlot(Kind::kClose); });
    swarm_.Sometimes(12, [this] { return Io(Kind::kRead); });
    swarm_.Sometimes(16, [this] { return Io(Kind::kWrite); });
    swarm_.Sometimes(3, [this] { return OnSlot(Kind::kSync); });
    swarm_.Sometimes(5, [this] { return Range(BLKDISCARD); });
    swarm_.Sometimes(2, [this] { return Range(BLKZEROOUT); });
    if (choices_.OneIn(3)) {
      swarm_.Always(1, [this] { return Resize(); });
      swarm_.Always(1, [] { return SetCapacity(); });
      swarm_.Always(1, [this] { return OpenLoop(); });
    }
  }

  // ---- Names.

  static std::string ThinName(uint64_t index) { return absl::StrCat("t", index); }
  std::string PoolName() { return has_second_pool_ && choices_.OneIn(3) ? "q" : "p"; }
  std::string AnyName() {
    return choices_.OneIn(3) ? PoolName() : ThinName(choices_.Below(kThins));
  }
  static uint32_t MinorOf(const std::string& name) {
    if (name == "p") return 0;
    if (name == "q") return 1;
    return kFirstThin + static_cast<uint32_t>(name[1] - '0');
  }
  std::string Pool(const std::string& name) const {
    return absl::StrCat(setting_.dm_major, ":", MinorOf(name));
  }
  uint32_t Deferred() { return choices_.OneIn(3) ? DM_DEFERRED_REMOVE : 0; }
  uint32_t OddSuspend() { return choices_.OneIn(3) ? DM_NOFLUSH_FLAG : 0; }
  // Of 64 KiB; small pools are soon full.
  uint64_t DataBlocks() { return is_small_ ? 8 + choices_.Below(8) : 128; }

  std::string WhenFull() const { return is_queueing_ ? "" : " 1 error_if_no_space"; }

  // ---- Requests.

  static Operation Ioctl(unsigned long request, const DmRequest& bytes) {
    Operation operation;
    operation.request = request;
    operation.bytes = bytes.bytes();
    return operation;
  }

  Operation Named(unsigned long command, const std::string& name, uint32_t flags) {
    DmRequest request(2048);
    request.Name(name).Flags(flags).Poison();
    return Ioctl(command, request);
  }

  Operation Create(const std::string& name) {
    DmRequest request(512);
    request.Name(name).Flags(DM_PERSISTENT_DEV_FLAG);
    request.Device(conformance::EncodeDevice(setting_.dm_major, MinorOf(name)));
    return Ioctl(DM_DEV_CREATE, request);
  }

  Operation Suspend(const std::string& name, uint32_t flags) {
    return Named(DM_DEV_SUSPEND, name, flags);
  }

  Operation Send(const std::string& name, const std::string& text, uint64_t sector = 0) {
    DmRequest request(1024);
    request.Name(name).Message(sector, text);
    return Ioctl(DM_TARGET_MSG, request);
  }

  // To a thin device, too, and to sectors that may be behind the end.
  Operation OddlySent() {
    return Send(AnyName(), Message(), choices_.Of<uint64_t>({0, 1, 1023, 2048, 1u << 20}));
  }

  // For a number that no pool's events reach, so that it does not wait.
  Operation Wait() {
    DmRequest request(2048);
    request.Name(AnyName()).Event(1000000).Poison();
    return Ioctl(DM_DEV_WAIT, request);
  }

  Operation Status() {
    return Named(DM_TABLE_STATUS, AnyName(),
                 choices_.Of<uint32_t>({0, 0, DM_NOFLUSH_FLAG, DM_STATUS_TABLE_FLAG,
                                        DM_QUERY_INACTIVE_TABLE_FLAG, DM_IMA_MEASUREMENT_FLAG}));
  }

  std::string Id() {
    if (has_odd_words_ && choices_.OneIn(10)) {
      return choices_.Of<std::string>({"16777215", "16777216", "-1", "x", "+1", "0x1", ""});
    }
    return absl::StrCat(choices_.Below(5));
  }

  std::string Message() {
    switch (choices_.Below(has_odd_words_ ? 8 : 6)) {
      case 0:
        return absl::StrCat("create_thin ", Id());
      case 1:
        return absl::StrCat("create_snap ", Id(), " ", Id());
      case 2:
        return absl::StrCat("delete ", Id());
      case 3:
        return absl::StrCat("set_transaction_id ", choices_.Below(3), " ", choices_.Below(3));
      case 4:
        return "reserve_metadata_snap";
      case 5:
        return "release_metadata_snap";
      default:
        return choices_.Of<std::string>({"create_thin", "create_thin 1 2", "CREATE_THIN 4",
                                         "nonsense", "create_snap 1", "delete",
                                         "set_transaction_id 0", "set_transaction_id x 1",
                                         "reserve_metadata_snap 1", "release_metadata_snap x"});
    }
  }

  // ---- Tables.

  Operation LoadTable(const std::string& name, uint64_t length, const std::string& type,
                      const std::string& parameters, uint32_t flags = 0) {
    DmRequest request(1024);
    request.Name(name).Flags(flags).Target(0, length, type, parameters);
    return Ioctl(DM_TABLE_LOAD, request);
  }

  uint32_t ReadOnly() { return choices_.OneIn(10) ? DM_READONLY_FLAG : 0; }

  Operation LoadPool() {
    static const auto& features = *new std::vector<std::string>{
        "skip_block_zeroing", "ignore_discard", "no_discard_passdown", "read_only"};
    std::string words = is_queueing_ ? "" : "error_if_no_space";
    uint64_t count = is_queueing_ ? 0 : 1;
    while (choices_.OneIn(2) && count < 4) {
      absl::StrAppend(&words, words.empty() ? "" : " ", choices_.Of(features));
      ++count;
    }
    std::string line = absl::StrCat("7:0 7:1 128 ", choices_.Below(4), " ", count, " ", words);
    if (has_odd_words_ && choices_.OneIn(4)) {
      line = choices_.Of<std::string>(
          {"7:0 7:0 128 0 1 error_if_no_space", "7:0 7:2 128 0 1 error_if_no_space",
           "7:2 7:1 128 0 1 error_if_no_space", "7:0 7:1 100 0 1 error_if_no_space",
           "7:0 7:1 256 0 1 error_if_no_space", "7:0 7:1 128 x", "7:0 7:1 128",
           "7:0 7:1 128 0 5 a b c d e", "7:0 7:1 128 0 1 nonsense", "7:9 7:1 128 0",
           "7:0 7:1 128 0 2 error_if_no_space", "7:0 7:1 0 0 1 error_if_no_space"});
    }
    const uint64_t length = choices_.OneIn(4) ? choices_.Of<uint64_t>({64, 128, 1000, 16384, 32768})
                                              : DataBlocks() * 128;
    return LoadTable(PoolName(), length, "thin-pool", line, ReadOnly());
  }

  Operation LoadThin() {
    std::string line = absl::StrCat(Pool(PoolName()), " ", Id());
    if (choices_.OneIn(6)) absl::StrAppend(&line, " 7:3");
    if (has_odd_words_ && choices_.OneIn(8)) {
      line = choices_.Of<std::string>({"", "7:0 0", absl::StrCat(Pool("p")), "7:9 0",
                                       absl::StrCat(Pool("p"), " 0 7:3 x"),
                                       absl::StrCat(Pool("p"), " 0 ", Pool("p"))});
    }
    const uint64_t length = choices_.Of<uint64_t>({128, 1000, 2048, 2048, 4096});
    DmRequest request(1024);
    request.Name(ThinName(choices_.Below(kThins))).Flags(ReadOnly());
    request.Target(0, length, "thin", line);
    const bool has_origin = absl::StrContains(line, " 7:3");
    if (has_long_tables_ && choices_.OneIn(3)) AddTarget(length, has_origin, &request);
    return Ioctl(DM_TABLE_LOAD, request);
  }

  // Behind a thin target; another one, too, be it of the same id. None on the thin target's origin.
  void AddTarget(uint64_t start, bool has_origin, DmRequest* request) {
    switch (choices_.Below(4)) {
      case 0:
        request->Target(start, 128, "zero", "");
        return;
      case 1:
        request->Target(start, 128, "linear", has_origin ? "7:2 0" : "7:3 0");
        return;
      default:
        request->Target(start, 1024, "thin", absl::StrCat(Pool(PoolName()), " ", Id()));
    }
  }

  // Something else in the place of a pool or of a thin device.
  Operation LoadOther() {
    return LoadTable(AnyName(), 2048, choices_.Of<std::string>({"zero", "error"}), "");
  }

  // ---- Files and nodes.

  Operation OpenFile(size_t slot, uint64_t number) const {
    Operation operation;
    operation.kind = Kind::kOpen;
    operation.slot = slot;
    operation.path = absl::StrCat(setting_.scratch, "/f", number);
    operation.options.access = sys::Access::kReadWrite;
    return operation;
  }

  Operation OnSlot(Kind kind) {
    Operation operation;
    operation.kind = kind;
    operation.slot = kFirstSlot + choices_.Below(2);
    return operation;
  }

  Operation Open() {
    Operation operation = OnSlot(Kind::kOpen);
    operation.path = absl::StrCat("/dev/dm-", kFirstThin + choices_.Below(kThins));
    operation.options.access = sys::Access::kReadWrite;
    operation.options.direct = true;
    return operation;
  }

  // Beginnings of blocks more often than anything else; a sector, a page, a block or two.
  Operation Io(Kind kind) {
    Operation operation = OnSlot(kind);
    operation.offset = kBlockBytes * choices_.Below(17);
    if (choices_.OneIn(3)) operation.offset += 512 * choices_.Below(128);
    operation.length = choices_.Of<uint64_t>({512, 4096, kBlockBytes, 2 * kBlockBytes});
    if (kind == Kind::kWrite) {
      operation.bytes.assign(operation.length, static_cast<char>('a' + choices_.Below(26)));
    }
    return operation;
  }

  Operation Range(unsigned long request) {
    Operation operation = OnSlot(Kind::kIoctl);
    operation.request = request;
    uint64_t range[2] = {kBlockBytes * choices_.Below(16), kBlockBytes * (1 + choices_.Below(4))};
    if (choices_.OneIn(3)) range[0] += 4096;
    operation.bytes.assign(reinterpret_cast<const char*>(range), sizeof(range));
    return operation;
  }

  Operation Resize() {
    Operation operation;
    operation.kind = Kind::kTruncate;
    operation.slot = choices_.OneIn(2) ? kMetadataFile : kDataFile;
    operation.length = (4u << 20) * (1 + choices_.Below(3));
    return operation;
  }

  Operation OpenLoop() {
    Operation operation = OnSlot(Kind::kOpen);
    operation.slot = kFirstSlot + 4;
    operation.path = absl::StrCat("/dev/loop", choices_.Below(2));
    return operation;
  }

  static Operation SetCapacity() {
    Operation operation;
    operation.kind = Kind::kIoctlValue;
    operation.slot = kFirstSlot + 4;
    operation.request = LOOP_SET_CAPACITY;
    return operation;
  }

  const Setting setting_;
  Choices choices_;
  Swarm swarm_;
  bool has_odd_words_ = false;
  bool has_second_pool_ = false;
  bool is_small_ = false;
  bool is_queueing_ = false;
  bool has_long_tables_ = false;
  History beginning_;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Generator> ThinGenerator(uint64_t seed, const Setting& setting) {
  return std::make_unique<ThinGeneratorImpl>(seed, setting);
}

}  // namespace dmkit::differential
