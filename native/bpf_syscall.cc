#include "bpf_syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi.h"

namespace devpolicy {

namespace {

// A list that keeps growing between two calls is asked for again, but not for ever.
constexpr int kMaxAttempts = 16;
constexpr uint32_t kMaxListLength = 1u << 20;
constexpr size_t kMaxInstructionBytes = 64u << 20;

// Pointers travel as u64 also on 32-bit machines.
uint64_t address(const void* pointer) { return static_cast<uint64_t>(reinterpret_cast<uintptr_t>(pointer)); }

int bpf(uapi::Command command, uapi::Attr* attr) {
  return syscall(SYS_bpf, static_cast<int>(command), attr, uapi::kAttrSize) < 0 ? errno : 0;
}

uapi::Attr zeroedAttr() {
  uapi::Attr attr;
  memset(&attr, 0, sizeof(attr));
  return attr;
}

std::string nameOf(const char (&field)[16]) { return std::string(field, strnlen(field, sizeof(field))); }

Failure getInfo(int fd, uapi::Info* info, const char* call) {
  uapi::Attr attr = zeroedAttr();
  attr.info.fd = static_cast<uint32_t>(fd);
  attr.info.infoLength = uapi::kInfoSize;
  attr.info.info = address(info);
  return Failure{bpf(uapi::kObjGetInfoByFd, &attr), call};
}

constexpr char kInfoCall[] = "bpf(BPF_OBJ_GET_INFO_BY_FD)";

}  // namespace

Failure queryPrograms(int cgroupFd, bool effective, Query* out) {
  static const char kCall[] = "bpf(BPF_PROG_QUERY)";
  // Kernels before 6.0 refuse a list of per-program flags (EINVAL), and every kernel refuses it together with BPF_F_QUERY_EFFECTIVE.
  bool wantFlags = !effective;
  uint32_t capacity = 64;  // the most that one cgroup can have attached
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    out->programIds.assign(capacity, 0);
    out->programFlags.assign(wantFlags ? capacity : 0, 0);
    uapi::Attr attr = zeroedAttr();
    attr.query.targetFd = static_cast<uint32_t>(cgroupFd);
    attr.query.attachType = uapi::kCgroupDevice;
    attr.query.queryFlags = effective ? uapi::kQueryEffective : 0;
    attr.query.programIds = address(out->programIds.data());
    attr.query.programFlags = wantFlags ? address(out->programFlags.data()) : 0;
    attr.query.programCount = capacity;
    const int error = bpf(uapi::kProgQuery, &attr);
    if (error == EINVAL && wantFlags) {
      wantFlags = false;
      continue;
    }
    const uint32_t count = attr.query.programCount;
    if (error == ENOSPC && capacity < kMaxListLength) {
      // The kernel says the true count; before 5.11 it can also say ENOSPC although there is room (a dummy left by a failed detach).
      capacity = (count > capacity ? count : capacity) + 64;
      continue;
    }
    if (error != 0) return Failure{error, kCall};
    if (count > capacity) return Failure{EOVERFLOW, kCall};
    out->programIds.resize(count);
    out->programFlags.resize(wantFlags ? count : 0);
    out->hasProgramFlags = wantFlags;
    out->attachFlags = attr.query.attachFlags;
    out->revision = attr.query.revision;
    return Failure{};
  }
  return Failure{ENOSPC, kCall};
}

Failure openById(Kind kind, uint32_t id, int* fd) {
  static const char* const kCalls[] = {"bpf(BPF_PROG_GET_FD_BY_ID)", "bpf(BPF_MAP_GET_FD_BY_ID)", "bpf(BPF_LINK_GET_FD_BY_ID)"};
  static const uapi::Command kCommands[] = {uapi::kProgGetFdById, uapi::kMapGetFdById, uapi::kLinkGetFdById};
  const size_t index = static_cast<size_t>(kind);
  uapi::Attr attr = zeroedAttr();
  attr.id.id = id;
  attr.id.openFlags = kind == Kind::kMap ? uapi::kMapReadOnly : 0;
  const long result = syscall(SYS_bpf, static_cast<int>(kCommands[index]), &attr, uapi::kAttrSize);
  if (result < 0) return Failure{errno, kCalls[index]};
  *fd = static_cast<int>(result);
  return Failure{};
}

Failure nextId(Kind kind, uint32_t id, uint32_t* next) {
  const bool link = kind == Kind::kLink;
  uapi::Attr attr = zeroedAttr();
  attr.id.id = id;
  const int error = bpf(link ? uapi::kLinkGetNextId : uapi::kProgGetNextId, &attr);
  *next = attr.id.nextId;
  return Failure{error, link ? "bpf(BPF_LINK_GET_NEXT_ID)" : "bpf(BPF_PROG_GET_NEXT_ID)"};
}

Failure readProgramInfo(int fd, Bytes* scratch, ProgramInfo* out) {
  if (scratch->size() < 4096) scratch->resize(4096);
  std::vector<uint32_t> mapIds(16);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    uapi::Info info;
    memset(&info, 0, sizeof(info));
    info.program.xlatedLength = static_cast<uint32_t>(scratch->size());
    info.program.xlatedInstructions = address(scratch->data());
    info.program.mapIdCount = static_cast<uint32_t>(mapIds.size());
    info.program.mapIds = address(mapIds.data());
    const Failure failure = getInfo(fd, &info, kInfoCall);
    if (failure.failed()) return failure;
    const uapi::ProgramInfo& program = info.program;
    // Too small a buffer is no error: the kernel truncates and reports the full length. Maps can still be added (BPF_PROG_BIND_MAP).
    if (program.xlatedLength > kMaxInstructionBytes || program.mapIdCount > kMaxListLength) return Failure{EOVERFLOW, kInfoCall};
    if (program.xlatedLength > scratch->size() || program.mapIdCount > mapIds.size()) {
      if (program.xlatedLength > scratch->size()) scratch->resize(program.xlatedLength);
      if (program.mapIdCount > mapIds.size()) mapIds.resize(program.mapIdCount + 16);
      continue;
    }
    mapIds.resize(program.mapIdCount);
    out->type = program.type;
    out->id = program.id;
    memcpy(out->tag, program.tag, sizeof(out->tag));
    out->name = nameOf(program.name);
    out->loadTime = program.loadTime;
    out->createdByUid = program.createdByUid;
    out->gplCompatible = (program.gplCompatible & 1) != 0;
    out->btfId = program.btfId;
    out->mapIds = mapIds;
    out->functionCount = program.jitedFunctionCount;
    out->jitedLength = program.jitedLength;
    out->xlatedLength = program.xlatedLength;
    // Success is not enough. Without CAP_BPF the length comes back as 0; blinded code that the caller may not see comes back as a nulled
    // pointer and an untouched buffer (bpf_prog_get_info_by_fd in kernel/bpf/syscall.c). Neither is an empty program.
    out->readable = program.xlatedLength != 0 && program.xlatedInstructions != 0;
    if (out->readable) out->xlated.assign(scratch->data(), scratch->data() + program.xlatedLength);
    out->verifiedInstructions = program.verifiedInstructions;
    out->attachBtfId = program.attachBtfId;
    return Failure{};
  }
  return Failure{EOVERFLOW, kInfoCall};
}

Failure readMapInfo(int fd, MapInfo* out) {
  uapi::Info info;
  memset(&info, 0, sizeof(info));
  const Failure failure = getInfo(fd, &info, kInfoCall);
  if (failure.failed()) return failure;
  out->type = info.map.type;
  out->id = info.map.id;
  out->name = nameOf(info.map.name);
  out->keySize = info.map.keySize;
  out->valueSize = info.map.valueSize;
  out->maxEntries = info.map.maxEntries;
  out->mapFlags = info.map.mapFlags;
  return Failure{};
}

Failure readLinkInfo(int fd, LinkInfo* out) {
  uapi::Info info;
  memset(&info, 0, sizeof(info));
  const Failure failure = getInfo(fd, &info, kInfoCall);
  if (failure.failed()) return failure;
  out->type = info.link.type;
  out->id = info.link.id;
  out->programId = info.link.programId;
  if (out->type == uapi::kLinkTypeCgroup) {
    out->cgroupId = info.link.cgroup.cgroupId;
    out->attachType = info.link.cgroup.attachType;
  } else if (out->type == uapi::kLinkTypeTracing) {
    out->attachType = info.link.tracing.attachType;
    out->targetObjectId = info.link.tracing.targetObjectId;
  }
  return Failure{};
}

Failure lookupSize(const MapInfo& map, size_t* size) {
  // bpf_map_value_size() of kernel/bpf/syscall.c. The per-CPU types of enum bpf_map_type: hash 5, array 6, LRU hash 10, cgroup storage 21.
  const bool perCpu = map.type == 5 || map.type == 6 || map.type == 10 || map.type == 21;
  size_t copies = 1;
  if (perCpu) {
    const Failure failure = possibleCpus(&copies);
    if (failure.failed()) return failure;
  }
  const size_t rounded = (static_cast<size_t>(map.valueSize) + 7) & ~static_cast<size_t>(7);
  *size = perCpu ? rounded * copies : map.valueSize;
  return *size > kMaxInstructionBytes ? Failure{E2BIG, "bpf(BPF_MAP_LOOKUP_ELEM)"} : Failure{};
}

Failure lookupElement(int fd, const unsigned char* key, unsigned char* value) {
  uapi::Attr attr = zeroedAttr();
  attr.element.mapFd = static_cast<uint32_t>(fd);
  attr.element.key = address(key);
  attr.element.valueOrNext = address(value);
  return Failure{bpf(uapi::kMapLookupElem, &attr), "bpf(BPF_MAP_LOOKUP_ELEM)"};
}

Failure nextKey(int fd, const unsigned char* key, unsigned char* next) {
  uapi::Attr attr = zeroedAttr();
  attr.element.mapFd = static_cast<uint32_t>(fd);
  attr.element.key = address(key);
  attr.element.valueOrNext = address(next);
  return Failure{bpf(uapi::kMapGetNextKey, &attr), "bpf(BPF_MAP_GET_NEXT_KEY)"};
}

}  // namespace devpolicy
