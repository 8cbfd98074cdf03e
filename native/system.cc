#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi.h"

namespace devpolicy {

namespace {

constexpr int kEmptyPath = 0x1000;    // AT_EMPTY_PATH
constexpr int kBootTimeClock = 7;     // CLOCK_BOOTTIME

Failure outcome(long result, const char* call) { return result < 0 ? Failure{errno, call} : Failure{}; }

struct ErrnoName {
  int number;
  const char* name;
};
#define NAMED(code) {code, #code}
constexpr ErrnoName kNames[] = {
    NAMED(EPERM),  NAMED(ENOENT),  NAMED(EINTR),  NAMED(EIO),          NAMED(ENXIO),     NAMED(E2BIG),    NAMED(EBADF),
    NAMED(EAGAIN), NAMED(ENOMEM),  NAMED(EACCES), NAMED(EFAULT),       NAMED(EBUSY),     NAMED(EEXIST),   NAMED(EXDEV),
    NAMED(ENODEV), NAMED(ENOTDIR), NAMED(EISDIR), NAMED(EINVAL),       NAMED(ENFILE),    NAMED(EMFILE),   NAMED(ENOTTY),
    NAMED(EFBIG),  NAMED(ENOSPC),  NAMED(EROFS),  NAMED(ERANGE),       NAMED(EDEADLK),   NAMED(ENOSYS),   NAMED(ELOOP),
    NAMED(ESTALE), NAMED(ENODATA), NAMED(EPROTO), NAMED(EOVERFLOW),    NAMED(ETIMEDOUT), NAMED(ENOBUFS),  NAMED(ECANCELED),
    NAMED(ESRCH),  NAMED(ENOLINK), NAMED(EBADFD), NAMED(ENAMETOOLONG), NAMED(ENOTEMPTY), NAMED(EOPNOTSUPP),
};
#undef NAMED

}  // namespace

std::string errnoName(int number) {
  for (const ErrnoName& entry : kNames) {
    if (entry.number == number) return entry.name;
  }
  char digits[12];
  size_t at = sizeof(digits);
  for (unsigned rest = static_cast<unsigned>(number); at > 0; rest /= 10) {
    digits[--at] = static_cast<char>('0' + rest % 10);
    if (rest < 10) break;
  }
  std::string name("ERRNO_");
  name.append(digits + at, sizeof(digits) - at);
  return name;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) syscall(SYS_close, fd_);
}

Failure openDirectory(int directoryFd, const char* path, int* fd) {
  const long result = syscall(SYS_openat, directoryFd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (result >= 0) *fd = static_cast<int>(result);
  return outcome(result, "openat");
}

Failure openForReading(int pathFd, int* fd) {
  const long result = syscall(SYS_openat, pathFd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (result >= 0) *fd = static_cast<int>(result);
  return outcome(result, "openat");
}

Failure closeFd(int fd) { return outcome(syscall(SYS_close, fd), "close"); }

Failure statDirectory(int fd, DirectoryStatus* out) {
  uapi::Statx status;
  memset(&status, 0, sizeof(status));
  const long result = syscall(SYS_statx, fd, "", kEmptyPath, uapi::kStatxNlinkIno, &status);
  out->inode = status.inode;
  out->device = static_cast<uint64_t>(status.deviceMajor) << 32 | status.deviceMinor;
  out->linkCount = status.linkCount;
  return outcome(result, "statx");
}

Failure requireCgroup2(int fd) {
  // struct statfs begins with f_type, one machine word, on every architecture supported here; 64-bit ones need 120 bytes.
  long status[32] = {};
  const Failure failure = outcome(syscall(SYS_fstatfs, fd, status), "fstatfs");
  if (failure.failed()) return failure;
  return status[0] == uapi::kCgroup2Magic ? Failure{} : Failure{EBADF, "fstatfs(CGROUP2_SUPER_MAGIC)"};
}

Failure readEntries(int fd, unsigned char* buffer, size_t capacity, size_t* length) {
  const long result = syscall(SYS_getdents64, fd, buffer, capacity);
  *length = result < 0 ? 0 : static_cast<size_t>(result);
  return outcome(result, "getdents64");
}

Failure readSmallFile(const char* path, char* buffer, size_t capacity, size_t* length) {
  *length = 0;
  const long opened = syscall(SYS_openat, kWorkingDirectory, path, O_RDONLY | O_CLOEXEC, 0);
  if (opened < 0) return outcome(opened, "openat");
  const UniqueFd fd(static_cast<int>(opened));
  while (*length < capacity) {
    const long result = syscall(SYS_read, fd.get(), buffer + *length, capacity - *length);
    if (result < 0) return outcome(result, "read");
    if (result == 0) break;
    *length += static_cast<size_t>(result);
  }
  return Failure{};
}

Failure possibleCpus(size_t* count) {
  // A list of ranges, "0-7" or "0,2-3". The kernel sizes per-CPU values by the number of bits set, not by the highest one.
  char text[4096];
  size_t length = 0;
  const Failure failure = readSmallFile("/sys/devices/system/cpu/possible", text, sizeof(text), &length);
  if (failure.failed()) return failure;
  size_t total = 0;
  size_t first = 0;
  size_t number = 0;
  bool inRange = false;
  bool digits = false;
  for (size_t i = 0; i <= length; ++i) {
    const char c = i < length ? text[i] : '\n';
    if (c >= '0' && c <= '9' && number < 1000000) {
      number = number * 10 + static_cast<size_t>(c - '0');
      digits = true;
    } else if (c == '-' && digits && !inRange) {
      first = number;
      number = 0;
      digits = false;
      inRange = true;
    } else if ((c == ',' || c == '\n') && digits) {
      if (inRange && number < first) return Failure{EINVAL, "read(cpu/possible)"};
      total += inRange ? number - first + 1 : 1;
      number = 0;
      digits = inRange = false;
      if (c == '\n') break;
    } else {
      return Failure{EINVAL, "read(cpu/possible)"};
    }
  }
  *count = total;
  return total == 0 ? Failure{EINVAL, "read(cpu/possible)"} : Failure{};
}

int mapFrozen(int fd) {
  // Formatted by hand: printf would be one more imported symbol.
  char path[40] = "/proc/self/fdinfo/";
  size_t end = strlen(path);
  char reversed[12];
  size_t count = 0;
  for (unsigned rest = static_cast<unsigned>(fd); count == 0 || rest != 0; rest /= 10) reversed[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0) path[end++] = reversed[--count];
  path[end] = '\0';
  char text[2048];
  size_t length = 0;
  if (readSmallFile(path, text, sizeof(text), &length).failed()) return -1;
  static const char kKey[] = "\nfrozen:\t";
  constexpr size_t kKeyLength = sizeof(kKey) - 1;
  for (size_t i = 0; i + kKeyLength < length; ++i) {
    if (memcmp(text + i, kKey, kKeyLength) == 0) return text[i + kKeyLength] == '1' ? 1 : 0;
  }
  return -1;
}

Failure bootTime(int64_t* nanoseconds) {
  // 32-bit machines have two calls; only the newer one knows 64-bit seconds.
#ifdef __NR_clock_gettime64
  int64_t time[2] = {0, 0};
  const long result = syscall(__NR_clock_gettime64, kBootTimeClock, time);
#else
  long time[2] = {0, 0};
  const long result = syscall(SYS_clock_gettime, kBootTimeClock, time);
#endif
  *nanoseconds = static_cast<int64_t>(time[0]) * 1000000000 + static_cast<int64_t>(time[1]);
  return outcome(result, "clock_gettime(CLOCK_BOOTTIME)");
}

Failure clockSynchronised(bool* synchronised) {
  uapi::Timex timex;
  memset(&timex, 0, sizeof(timex));
  const long result = syscall(SYS_adjtimex, &timex);
  *synchronised = (timex.status & uapi::kUnsynchronised) == 0;
  return outcome(result, "adjtimex");
}

}  // namespace devpolicy
