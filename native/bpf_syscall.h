// One function per bpf(2) command (or bounded loop of the same command). No JavaScript here and no policy: bytes and numbers.
#ifndef DEVPOLICY_BPF_SYSCALL_H
#define DEVPOLICY_BPF_SYSCALL_H

#include <stdint.h>

#include <string>
#include <vector>

#include "system.h"

namespace devpolicy {

using Bytes = std::vector<unsigned char>;

struct Query {
  std::vector<uint32_t> programIds;
  uint32_t attachFlags = 0;
  bool hasProgramFlags = false;
  std::vector<uint32_t> programFlags;
  uint64_t revision = 0;
};

struct ProgramInfo {
  uint32_t type = 0;
  uint32_t id = 0;
  unsigned char tag[8] = {};
  std::string name;
  uint64_t loadTime = 0;
  uint32_t createdByUid = 0;
  bool gplCompatible = false;
  uint32_t btfId = 0;
  std::vector<uint32_t> mapIds;
  uint32_t functionCount = 0;
  uint32_t jitedLength = 0;
  uint32_t xlatedLength = 0;
  bool readable = false;
  Bytes xlated;
  uint32_t verifiedInstructions = 0;
  uint32_t attachBtfId = 0;
};

struct MapInfo {
  uint32_t type = 0;
  uint32_t id = 0;
  std::string name;
  uint32_t keySize = 0;
  uint32_t valueSize = 0;
  uint32_t maxEntries = 0;
  uint32_t mapFlags = 0;
};

struct LinkInfo {
  uint32_t type = 0;
  uint32_t id = 0;
  uint32_t programId = 0;
  uint64_t cgroupId = 0;
  uint32_t attachType = 0;
  uint32_t targetObjectId = 0;
};

enum class Kind { kProgram, kMap, kLink };

/** BPF_PROG_QUERY of BPF_CGROUP_DEVICE on a cgroup v2 directory (an O_PATH fd will do). */
Failure queryPrograms(int cgroupFd, bool effective, Query* out);

/** *_GET_FD_BY_ID; maps are opened BPF_F_RDONLY. The caller owns the fd. */
Failure openById(Kind kind, uint32_t id, int* fd);

/** PROG_GET_NEXT_ID or LINK_GET_NEXT_ID; ENOENT at the end. */
Failure nextId(Kind kind, uint32_t id, uint32_t* next);

/**
 * BPF_OBJ_GET_INFO_BY_FD. `scratch` is the buffer the kernel fills: it grows as needed and is kept by the caller between calls, so that
 * one system call is enough for nearly every program.
 */
Failure readProgramInfo(int fd, Bytes* scratch, ProgramInfo* out);
Failure readMapInfo(int fd, MapInfo* out);
Failure readLinkInfo(int fd, LinkInfo* out);

/** Bytes that a lookup in this map writes; for per-CPU maps the values of all possible CPUs, each rounded up to 8. */
Failure lookupSize(const MapInfo& map, size_t* size);

/** BPF_MAP_LOOKUP_ELEM. `value` has lookupSize() bytes, `key` the map's key size. */
Failure lookupElement(int fd, const unsigned char* key, unsigned char* value);

/** BPF_MAP_GET_NEXT_KEY; `key` null asks for the first one. */
Failure nextKey(int fd, const unsigned char* key, unsigned char* next);

}  // namespace devpolicy

#endif
