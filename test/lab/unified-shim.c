/*
 * Preloaded into slurmd on test machines that mount cgroup v1 hierarchies too: /proc/PID/cgroup lists those in every namespace, and Slurm's cgroup/v2
 * plugin then gives up ("Hybrid mode is not supported"). Shows the line of cgroup v2 alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int unified_only(const char *path, int fd) {
  size_t length = strlen(path);
  if (fd < 0 || strncmp(path, "/proc/", 6) != 0 || length < 7 || strcmp(path + length - 7, "/cgroup") != 0) return fd;
  char text[8192];
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  text[size > 0 ? size : 0] = 0;
  char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
  int copy = memfd_create("cgroup", 0);
  if (line != 0 && copy >= 0) {
    if (*line == '\n') line++;
    if (write(copy, line, strlen(line)) < 0) return -1;
    lseek(copy, 0, SEEK_SET);
  }
  return copy;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return unified_only(path, (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int __open_2(const char *path, int flags) { return open(path, flags, 0); }
int __open64_2(const char *path, int flags) { return open(path, flags, 0); }
