// The batched walk of a cgroup v2 tree: runs on a worker thread, knows nothing of JavaScript.
#ifndef DEVPOLICY_SCAN_H
#define DEVPOLICY_SCAN_H

#include <stdint.h>

#include <string>
#include <vector>

#include "bpf_syscall.h"

namespace devpolicy {

struct QueryResult {
  Query query;
  Failure failure;
};

struct CgroupRow {
  std::string path;  // bytes as the kernel has them; "/" for the root of the walk
  uint64_t inode = 0;
  QueryResult attached;
  QueryResult effective;
  Failure children;  // its sub-directories could not be listed
};

struct ProgramRow {
  uint32_t id = 0;
  ProgramInfo info;
  Failure failure;
};

struct Scan {
  std::vector<CgroupRow> cgroups;
  std::vector<ProgramRow> programs;
  bool truncated = false;  // a limit was reached: there are more cgroups than these
};

struct ScanLimits {
  uint32_t cgroups;  // rows
  uint64_t pathBytes;  // all paths together, those still to be visited included
};

/** Fails as a whole only when the root cannot be opened or is no cgroup v2 directory. At most three fds are open at any time. */
Failure scanTree(const std::string& rootPath, const ScanLimits& limits, Scan* out);

}  // namespace devpolicy

#endif
