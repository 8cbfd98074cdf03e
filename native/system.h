// The system calls besides bpf(2). All go through syscall(2): one binary then needs the same few symbols from glibc and musl.
#ifndef DEVPOLICY_SYSTEM_H
#define DEVPOLICY_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#include <string>

namespace devpolicy {

/** Result of a system call: errno (0: it worked) and the call's name as shown to people. */
struct Failure {
  int number = 0;
  const char* call = "";
  bool failed() const { return number != 0; }
};

/** "EPERM" for 1 and so on; "ERRNO_<number>" for a number that is not in the table. */
std::string errnoName(int number);

/** Owns an fd and closes it on every way out. */
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();
  int get() const { return fd_; }
  int* receive() { return &fd_; }

 private:
  int fd_ = -1;
};

/** O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, relative to `directoryFd` (kWorkingDirectory: the working directory). */
Failure openDirectory(int directoryFd, const char* path, int* fd);
constexpr int kWorkingDirectory = -100;  // AT_FDCWD

/** The directory behind an O_PATH fd, opened for reading its entries. */
Failure openForReading(int pathFd, int* fd);

Failure closeFd(int fd);

struct DirectoryStatus {
  uint64_t inode = 0;
  uint64_t device = 0;
  uint32_t linkCount = 0;
};
Failure statDirectory(int fd, DirectoryStatus* out);

/** EBADF, as PROG_QUERY would say, when the directory is not on a cgroup v2 file system. */
Failure requireCgroup2(int fd);

/** One getdents64(2) call; *length 0 at the end. */
Failure readEntries(int fd, unsigned char* buffer, size_t capacity, size_t* length);

/** A small file of procfs or sysfs, at most `capacity` bytes. */
Failure readSmallFile(const char* path, char* buffer, size_t capacity, size_t* length);

/** Number of possible CPUs, from /sys/devices/system/cpu/possible: what per-CPU map values are sized by. */
Failure possibleCpus(size_t* count);

/** "frozen: 1" of /proc/self/fdinfo/<fd>: 1, 0, or -1 when the line or the file is not there. */
int mapFrozen(int fd);

Failure bootTime(int64_t* nanoseconds);
Failure clockSynchronised(bool* synchronised);

}  // namespace devpolicy

#endif
