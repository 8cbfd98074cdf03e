/* Scratch cgroups. Every directory made is in a table shared with a watchdog process that removes them all if this process is killed. */
#define _GNU_SOURCE
#include "loader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_DIRECTORIES 4096
#define MAX_PATH_BYTES 1024

struct table {
	int used;
	char path[MAX_DIRECTORIES][MAX_PATH_BYTES];
};

static struct table *table;
static char scratch_root[MAX_PATH_BYTES];

static void sleep_milliseconds(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, (milliseconds % 1000) * 1000000 };

	nanosleep(&time, NULL);
}

/* Ends whatever sits in a cgroup that this program made. */
static void kill_members(const char *path)
{
	char name[MAX_PATH_BYTES + 32];
	FILE *file;
	int pid;

	snprintf(name, sizeof(name), "%s/cgroup.procs", path);
	file = fopen(name, "re");
	if (file == NULL)
		return;
	while (fscanf(file, "%d", &pid) == 1)
		if (pid > 0 && pid != getpid())
			kill(pid, SIGKILL);
	fclose(file);
}

/* A dying member keeps its cgroup busy for a moment: up to a second of patience. Returns 0 or an errno. */
static int remove_directory(const char *path)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return errno;
		kill_members(path);
		sleep_milliseconds(10);
	}
	return EBUSY;
}

void cgroup_clean_up(void)
{
	for (int i = table->used - 1; i >= 0; i--)
		if (table->path[i][0] != 0)
			remove_directory(table->path[i]);
	table->used = 0;
}

static void watch(int pipe_end)
{
	char byte;

	setsid();
	prctl(PR_SET_NAME, "devpolicy-watch");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int fd = 0; fd < 64; fd++)
		if (fd != pipe_end)
			close(fd);
	while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
		;
	cgroup_clean_up();
	_exit(0);
}

void cgroup_start(const char *mount_point)
{
	int ends[2];

	snprintf(scratch_root, sizeof(scratch_root), "%s/devpolicy-test-%d", mount_point, (int)getpid());
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED || pipe2(ends, O_CLOEXEC) != 0) {
		perror("devpolicy test loader");
		exit(2);
	}
	if (fork() == 0) {
		close(ends[1]);
		watch(ends[0]);
	}
	/* ends[1] stays open, unused, until this process ends in whatever way. */
	close(ends[0]);
}

static int make_directory(const char *path)
{
	int slot = table->used; /* always at the end: clean-up goes backwards, children before parents */

	if (slot >= MAX_DIRECTORIES || strlen(path) >= MAX_PATH_BYTES)
		return ENOSPC;
	if (mkdir(path, 0755) != 0)
		return errno;
	strcpy(table->path[slot], path);
	table->used = slot + 1;
	return 0;
}

static void forget_directory(const char *path)
{
	for (int i = 0; i < table->used; i++)
		if (strcmp(table->path[i], path) == 0)
			table->path[i][0] = 0;
	while (table->used > 0 && table->path[table->used - 1][0] == 0)
		table->used--;
}

static int path_of_fd(int fd, char *path, size_t size)
{
	char name[64];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	length = readlink(name, path, size - 1);
	if (length < 0)
		return errno;
	path[length] = 0;
	return 0;
}

static void reply_with_directory(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) != 0)
		reply_error(errno, "open", path, strlen(path));
	else
		reply_ok(path, strlen(path), "%d %llu", fd, (unsigned long long)status.st_ino);
}

/* mkdir NAME [parentFd] -> fd inode; payload: path. Without a parent: below this process's own scratch cgroup. */
void command_mkdir(const struct request *request)
{
	char parent[MAX_PATH_BYTES], path[MAX_PATH_BYTES * 2];
	int error = 0;

	if (request->argc < 2) {
		reply_error(EINVAL, "mkdir", NULL, 0);
		return;
	}
	if (request->argc > 2)
		error = path_of_fd((int)number_argument(request, 2), parent, sizeof(parent));
	else {
		strcpy(parent, scratch_root);
		if (access(scratch_root, F_OK) != 0)
			error = make_directory(scratch_root);
	}
	snprintf(path, sizeof(path), "%s/%s", parent, request->argv[1]);
	if (error == 0)
		error = make_directory(path);
	if (error != 0)
		reply_error(error, "mkdir", path, strlen(path));
	else
		reply_with_directory(path);
}

/* rmdir fd: ends what sits in it, removes the directory, closes the fd. */
void command_rmdir(const struct request *request)
{
	char path[MAX_PATH_BYTES];
	int fd = (int)number_argument(request, 1);
	int error = path_of_fd(fd, path, sizeof(path));

	probe_forget(fd);
	if (error == 0)
		error = remove_directory(path);
	if (error != 0) {
		reply_error(error, "rmdir", NULL, 0);
		return;
	}
	close(fd);
	forget_directory(path);
	reply_ok(NULL, 0, "-");
}

/* open; payload: path of an existing cgroup -> fd inode */
void command_open(const struct request *request)
{
	reply_with_directory((const char *)request->payload);
}

void command_close(const struct request *request)
{
	int fd = (int)number_argument(request, 1);

	probe_forget(fd);
	if (fd > 2)
		close(fd);
	reply_ok(NULL, 0, "-");
}
