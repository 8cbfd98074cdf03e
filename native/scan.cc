#include "scan.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "uapi.h"

namespace devpolicy {

namespace {

bool vanished(const Failure& failure) { return failure.number == ENOENT || failure.number == ENODEV; }

class Walk {
 public:
  Walk(const ScanLimits& limits, Scan* out) : limits_(limits), out_(out), buffer_(32768) {}

  Failure run(const std::string& rootPath) {
    const Failure failure = openDirectory(kWorkingDirectory, rootPath.c_str(), root_.receive());
    if (failure.failed()) return failure;
    // Said at once, instead of walking somebody's whole file system: without privilege the queries would only say EPERM.
    const Failure kindFailure = requireCgroup2(root_.get());
    if (kindFailure.failed()) return kindFailure;
    DirectoryStatus status;
    const Failure statFailure = statDirectory(root_.get(), &status);
    if (statFailure.failed()) return statFailure;
    device_ = status.device;
    visitRoot(status);
    // Depth first with a list of what is still to be visited instead of recursion: any depth costs memory, not stack, and one fd.
    while (!pending_.empty()) {
      const std::string path = std::move(pending_.back());
      pending_.pop_back();
      if (out_->cgroups.size() >= limits_.cgroups) {
        out_->truncated = true;
        break;
      }
      visitBelow(path);
    }
    return Failure{};
  }

 private:
  void visitRoot(const DirectoryStatus& status) {
    CgroupRow row;
    row.path = "/";
    row.inode = status.inode;
    queryBoth(root_.get(), &row);
    row.children = listChildren(root_.get(), std::string(), status.linkCount);
    out_->cgroups.push_back(std::move(row));
  }

  void visitBelow(const std::string& path) {
    CgroupRow row;
    row.path = path;
    // openat(2) and /proc/<pid>/cgroup both end at PATH_MAX: such a cgroup can be seen but not named.
    if (path.size() >= PATH_MAX) return addUnread(std::move(row), Failure{ENAMETOOLONG, "openat"});
    UniqueFd fd;
    const Failure opened = openDirectory(root_.get(), path.c_str() + 1, fd.receive());
    if (vanished(opened)) return;
    if (opened.failed()) return addUnread(std::move(row), opened);
    DirectoryStatus status;
    const Failure statFailure = statDirectory(fd.get(), &status);
    if (statFailure.failed()) return addUnread(std::move(row), statFailure);
    row.inode = status.inode;
    if (status.device != device_) return addUnread(std::move(row), Failure{EXDEV, "statx"});  // something is mounted over it
    queryBoth(fd.get(), &row);
    if (vanished(row.attached.failure) || vanished(row.effective.failure)) return;
    row.children = listChildren(fd.get(), path, status.linkCount);
    if (vanished(row.children)) return;
    out_->cgroups.push_back(std::move(row));
  }

  void addUnread(CgroupRow row, const Failure& failure) {
    row.attached.failure = row.effective.failure = row.children = failure;
    out_->cgroups.push_back(std::move(row));
  }

  static void queryBoth(int fd, CgroupRow* row) {
    row->attached.failure = queryPrograms(fd, false, &row->attached.query);
    row->effective.failure = queryPrograms(fd, true, &row->effective.query);
  }

  Failure listChildren(int pathFd, const std::string& path, uint32_t linkCount) {
    // cgroupfs counts sub-directories in st_nlink (kernfs_inc_nlink), so a leaf's forty control files need not be listed.
    if (linkCount == 2) return Failure{};
    UniqueFd fd;
    Failure failure = openForReading(pathFd, fd.receive());
    size_t length = 0;
    while (!failure.failed()) {
      failure = readEntries(fd.get(), buffer_.data(), buffer_.size(), &length);
      if (failure.failed() || length == 0) break;
      for (size_t at = 0; at + uapi::kDirentName < length;) {
        const unsigned char* entry = buffer_.data() + at;
        uint16_t entryLength;
        memcpy(&entryLength, entry + uapi::kDirentLength, sizeof(entryLength));
        if (entryLength <= uapi::kDirentName) return Failure{EIO, "getdents64"};
        addPending(path, reinterpret_cast<const char*>(entry + uapi::kDirentName), entry[uapi::kDirentType]);
        at += entryLength;
      }
    }
    return failure;
  }

  void addPending(const std::string& path, const char* name, unsigned char type) {
    // Neither files nor symbolic links; DT_UNKNOWN is settled by O_DIRECTORY.
    if (type != uapi::kTypeDirectory && type != uapi::kTypeUnknown) return;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return;
    std::string child = path;
    child += '/';
    child += name;
    if (pathBytes_ + child.size() > limits_.pathBytes) {
      out_->truncated = true;
      return;
    }
    pathBytes_ += child.size();
    pending_.push_back(std::move(child));
  }

  const ScanLimits limits_;
  Scan* const out_;
  Bytes buffer_;
  UniqueFd root_;
  uint64_t device_ = 0;
  uint64_t pathBytes_ = 0;
  std::vector<std::string> pending_;
};

void readPrograms(Scan* out) {
  std::vector<uint32_t> ids;
  for (const CgroupRow& row : out->cgroups) {
    for (const QueryResult* result : {&row.attached, &row.effective}) {
      if (result->failure.failed()) continue;
      ids.insert(ids.end(), result->query.programIds.begin(), result->query.programIds.end());
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  Bytes scratch(1u << 16);
  out->programs.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    ProgramRow& row = out->programs[i];
    row.id = ids[i];
    UniqueFd fd;
    row.failure = openById(Kind::kProgram, row.id, fd.receive());
    if (!row.failure.failed()) row.failure = readProgramInfo(fd.get(), &scratch, &row.info);
  }
}

}  // namespace

Failure scanTree(const std::string& rootPath, const ScanLimits& limits, Scan* out) {
  Walk walk(limits, out);
  const Failure failure = walk.run(rootPath);
  if (!failure.failed()) readPrograms(out);
  return failure;
}

}  // namespace devpolicy
