// The part of the kernel's bpf(2) interface that this addon uses, written down here so that a build depends on no kernel headers and reads
// the same on every machine. Layouts: include/uapi/linux/bpf.h of Linux 6.18 (stable interface: fields are only ever appended).
#ifndef DEVPOLICY_UAPI_H
#define DEVPOLICY_UAPI_H

#include <stddef.h>
#include <stdint.h>

namespace devpolicy::uapi {

// enum bpf_cmd. These are all the commands the addon can issue; none of them changes anything in the kernel.
enum Command : int {
  kMapLookupElem = 1,
  kMapGetNextKey = 4,
  kProgGetNextId = 11,
  kProgGetFdById = 13,
  kMapGetFdById = 14,
  kObjGetInfoByFd = 15,
  kProgQuery = 16,
  kLinkGetFdById = 30,
  kLinkGetNextId = 31,
};

constexpr uint32_t kCgroupDevice = 6;       // enum bpf_attach_type: BPF_CGROUP_DEVICE
constexpr uint32_t kQueryEffective = 1;     // BPF_F_QUERY_EFFECTIVE
constexpr uint32_t kMapReadOnly = 1u << 3;  // BPF_F_RDONLY
constexpr uint32_t kLinkTypeTracing = 2;    // enum bpf_link_type
constexpr uint32_t kLinkTypeCgroup = 3;

struct QueryAttr {
  uint32_t targetFd;
  uint32_t attachType;
  uint32_t queryFlags;
  uint32_t attachFlags;      // out
  uint64_t programIds;       // pointer
  uint32_t programCount;     // in: capacity, out: true count
  uint32_t pad;
  uint64_t programFlags;     // pointer; since 6.0
  uint64_t linkIds;          // pointer; never filled for cgroups
  uint64_t linkFlags;        // pointer
  uint64_t revision;         // out; since 6.17 for cgroups
};
static_assert(sizeof(QueryAttr) == 64, "bpf_attr.query");
static_assert(offsetof(QueryAttr, programIds) == 16 && offsetof(QueryAttr, programCount) == 24, "bpf_attr.query");
static_assert(offsetof(QueryAttr, programFlags) == 32 && offsetof(QueryAttr, revision) == 56, "bpf_attr.query");

struct IdAttr {
  uint32_t id;
  uint32_t nextId;  // out
  uint32_t openFlags;
};
static_assert(offsetof(IdAttr, openFlags) == 8, "bpf_attr id commands");

struct InfoAttr {
  uint32_t fd;
  uint32_t infoLength;  // in: room, out: what the kernel wrote
  uint64_t info;        // pointer
};
static_assert(sizeof(InfoAttr) == 16, "bpf_attr.info");

struct MapElementAttr {
  uint32_t mapFd;
  uint32_t pad;
  uint64_t key;           // pointer
  uint64_t valueOrNext;   // pointer
  uint64_t flags;
};
static_assert(offsetof(MapElementAttr, key) == 8 && sizeof(MapElementAttr) == 32, "bpf_attr map element commands");

// The kernel stores results (prog_cnt, revision, ...) at their offsets even beyond the size it was told, so every call passes this whole
// zeroed union: a newer kernel that appends an output still writes into memory that is ours.
union Attr {
  QueryAttr query;
  IdAttr id;
  InfoAttr info;
  MapElementAttr element;
  unsigned char bytes[256];
};
constexpr uint32_t kAttrSize = 64;  // the size told to the kernel: the longest of the above
static_assert(sizeof(Attr) == 256 && sizeof(QueryAttr) <= kAttrSize, "bpf_attr");

struct ProgramInfo {
  uint32_t type;
  uint32_t id;
  unsigned char tag[8];
  uint32_t jitedLength;
  uint32_t xlatedLength;
  uint64_t jitedInstructions;
  uint64_t xlatedInstructions;  // in: pointer, out: 0 when the kernel refused to show them
  uint64_t loadTime;
  uint32_t createdByUid;
  uint32_t mapIdCount;
  uint64_t mapIds;  // pointer
  char name[16];
  uint32_t interfaceIndex;
  uint32_t gplCompatible;  // bit 0
  uint64_t netnsDevice;
  uint64_t netnsInode;
  uint32_t jitedSymbolCount;
  uint32_t jitedFunctionCount;
  uint64_t jitedSymbols;
  uint64_t jitedFunctionLengths;
  uint32_t btfId;
  uint32_t functionInfoSize;
  uint64_t functionInfo;
  uint32_t functionInfoCount;
  uint32_t lineInfoCount;
  uint64_t lineInfo;
  uint64_t jitedLineInfo;
  uint32_t jitedLineInfoCount;
  uint32_t lineInfoSize;
  uint32_t jitedLineInfoSize;
  uint32_t tagCount;
  uint64_t tags;
  uint64_t runTime;
  uint64_t runCount;
  uint64_t recursionMisses;       // 208: a 5.10 kernel ends here
  uint32_t verifiedInstructions;  // since 5.16
  uint32_t attachBtfObjectId;
  uint32_t attachBtfId;
  uint32_t pad;
};
static_assert(sizeof(ProgramInfo) == 232, "bpf_prog_info");
static_assert(offsetof(ProgramInfo, tag) == 8 && offsetof(ProgramInfo, xlatedLength) == 20, "bpf_prog_info");
static_assert(offsetof(ProgramInfo, xlatedInstructions) == 32 && offsetof(ProgramInfo, loadTime) == 40, "bpf_prog_info");
static_assert(offsetof(ProgramInfo, mapIds) == 56 && offsetof(ProgramInfo, name) == 64, "bpf_prog_info");
static_assert(offsetof(ProgramInfo, gplCompatible) == 84 && offsetof(ProgramInfo, jitedFunctionCount) == 108, "bpf_prog_info");
static_assert(offsetof(ProgramInfo, btfId) == 128 && offsetof(ProgramInfo, recursionMisses) == 208, "bpf_prog_info");
static_assert(offsetof(ProgramInfo, verifiedInstructions) == 216 && offsetof(ProgramInfo, attachBtfId) == 224, "bpf_prog_info");

struct MapInfo {
  uint32_t type;
  uint32_t id;
  uint32_t keySize;
  uint32_t valueSize;
  uint32_t maxEntries;
  uint32_t mapFlags;
  char name[16];
};
static_assert(sizeof(MapInfo) == 40 && offsetof(MapInfo, name) == 24, "bpf_map_info");

struct LinkInfo {
  uint32_t type;
  uint32_t id;
  uint32_t programId;
  uint32_t pad;
  union {
    struct {
      uint64_t cgroupId;
      uint32_t attachType;
    } cgroup;
    struct {
      uint32_t attachType;
      uint32_t targetObjectId;
    } tracing;
  };
};
static_assert(offsetof(LinkInfo, programId) == 8 && offsetof(LinkInfo, cgroup) == 16, "bpf_link_info");
static_assert(offsetof(LinkInfo, cgroup.attachType) == 24 && offsetof(LinkInfo, tracing.targetObjectId) == 20, "bpf_link_info");

// Room for any of the info structures. It must be zero before the call: input fields lie between output fields, and bytes beyond the
// kernel's own structure must be zero (E2BIG otherwise).
union Info {
  ProgramInfo program;
  MapInfo map;
  LinkInfo link;
  unsigned char bytes[256];
};
constexpr uint32_t kInfoSize = 232;
static_assert(sizeof(ProgramInfo) == kInfoSize && sizeof(Info) == 256, "info structures");

// struct statx of include/uapi/linux/stat.h: the only stat call with one layout on all architectures.
struct Statx {
  uint32_t mask;
  uint32_t blockSize;
  uint64_t attributes;
  uint32_t linkCount;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t pad;
  uint64_t inode;
  unsigned char unused1[96];
  uint32_t deviceMajor;
  uint32_t deviceMinor;
  unsigned char unused2[112];
};
static_assert(sizeof(Statx) == 256 && offsetof(Statx, linkCount) == 16, "statx");
static_assert(offsetof(Statx, inode) == 32 && offsetof(Statx, deviceMajor) == 136, "statx");
constexpr uint32_t kStatxNlinkIno = 0x4 | 0x100;  // STATX_NLINK | STATX_INO

constexpr long kCgroup2Magic = 0x63677270;  // include/uapi/linux/magic.h: CGROUP2_SUPER_MAGIC

// struct linux_dirent64: u64 inode, s64 offset, u16 record length, u8 type, then the name.
constexpr size_t kDirentLength = 16;
constexpr size_t kDirentType = 18;
constexpr size_t kDirentName = 19;
constexpr unsigned char kTypeDirectory = 4;
constexpr unsigned char kTypeUnknown = 0;

// struct timex up to the field that is read; the kernel fills at most 208 bytes.
struct Timex {
  unsigned int modes;  // 0: read only
  long offset;
  long frequency;
  long maxError;
  long estimatedError;
  int status;
  unsigned char rest[256];
};
constexpr int kUnsynchronised = 0x40;  // STA_UNSYNC

}  // namespace devpolicy::uapi

#endif
