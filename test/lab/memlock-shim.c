/*
 * Preloaded into crun and Go runtimes on test machines whose bounding set lacks CAP_SYS_RESOURCE: crun < 1.9 gives up when it cannot lift
 * RLIMIT_MEMLOCK, although kernels since 5.11 do not count BPF memory against it. Reports success for that one limit and changes nothing else.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMLOCK 8

int setrlimit(int resource, const void *limit)
{
	long result = syscall(SYS_prlimit64, 0, resource, limit, 0);

	return resource == MEMLOCK && result != 0 && errno == EPERM ? 0 : (int)result;
}

int setrlimit64(int resource, const void *limit) __attribute__((alias("setrlimit")));
