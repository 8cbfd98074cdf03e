/*
 * LD_PRELOAD library: syscall(2) that, for bpf(2), moves the attribute and every buffer it points to between canaries, each of exactly the
 * size that the caller claims, lets the kernel work on those, checks the canaries and copies back. A byte written outside aborts.
 * Offsets: include/uapi/linux/bpf.h.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define CANARY 0xa5
#define MARGIN 4096
#define ATTR_SIZE 256 /* what the addon provides: uapi.h, union Attr */

static unsigned long calls;
static long (*real)(long, ...);

struct moved {
  unsigned char *block;
  uint64_t original;
  size_t length;
};

static void *move(struct moved *moved, uint64_t original, size_t length) {
  moved->block = malloc(length + 2 * MARGIN);
  if (moved->block == NULL) abort();
  memset(moved->block, CANARY, length + 2 * MARGIN);
  memcpy(moved->block + MARGIN, (void *)(uintptr_t)original, length);
  moved->original = original;
  moved->length = length;
  return moved->block + MARGIN;
}

static void move_back(struct moved *moved, const char *what, long command) {
  for (size_t i = 0; i < MARGIN; i++) {
    if (moved->block[i] != CANARY || moved->block[MARGIN + moved->length + i] != CANARY) {
      fprintf(stderr, "guarded-syscall: bpf command %ld wrote outside of its %s of %zu bytes\n", command, what, moved->length);
      abort();
    }
  }
  memcpy((void *)(uintptr_t)moved->original, moved->block + MARGIN, moved->length);
  free(moved->block);
}

static uint64_t get64(const unsigned char *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}
static uint32_t get32(const unsigned char *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return value;
}

struct session {
  struct moved moved[4];
  unsigned char *pointer_at[4];
  int count;
};

static void guard(struct session *session, unsigned char *pointer_at, size_t length) {
  uint64_t original = get64(pointer_at);
  if (original == 0 || length == 0) return;
  uint64_t address = (uint64_t)(uintptr_t)move(&session->moved[session->count], original, length);
  memcpy(pointer_at, &address, 8);
  session->pointer_at[session->count++] = pointer_at;
}

static long guarded(long command, unsigned char *attr, unsigned size) {
  struct session session = {.count = 0};
  struct moved moved_attr, moved_info = {.block = NULL};
  unsigned char *copy = move(&moved_attr, (uint64_t)(uintptr_t)attr, ATTR_SIZE);
  if (command == 16) { /* PROG_QUERY: ids and flags, prog_cnt of each */
    guard(&session, copy + 16, 4ul * get32(copy + 24));
    guard(&session, copy + 32, 4ul * get32(copy + 24));
  }
  if (command == 15) { /* OBJ_GET_INFO_BY_FD: the info structure, and what a program's points to */
    unsigned char *info = move(&moved_info, get64(copy + 8), get32(copy + 4));
    uint64_t address = (uint64_t)(uintptr_t)info;
    memcpy(copy + 8, &address, 8);
    guard(&session, info + 32, get32(info + 20));
    guard(&session, info + 56, 4ul * get32(info + 52));
  }
  long result = real(SYS_bpf, command, copy, size);
  for (int i = 0; i < session.count; i++) {
    /* The kernel nulls the pointer to instructions it will not show: that answer must reach the caller. */
    if (get64(session.pointer_at[i]) != 0) memcpy(session.pointer_at[i], &session.moved[i].original, 8);
    move_back(&session.moved[i], "list", command);
  }
  if (moved_info.block != NULL) {
    memcpy(copy + 8, &moved_info.original, 8);
    move_back(&moved_info, "info", command);
  }
  move_back(&moved_attr, "attribute", command);
  calls++;
  return result;
}

long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  if (real == NULL) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  if (number == SYS_bpf) return guarded(a[0], (unsigned char *)a[1], (unsigned)a[2]);
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((destructor)) static void report(void) {
  if (calls > 0) fprintf(stderr, "guarded-syscall: %lu bpf calls, no byte outside\n", calls);
}
