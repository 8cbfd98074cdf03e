/*
 * The referee: what does the kernel answer to a process of this cgroup? A child sits in the cgroup and asks with access(2) (no open, no driver, no
 * side effect; F_OK, R_OK, W_OK ask the device controller with access 0, 2, 4, R_OK|W_OK with 6) and with mknod(2) (access 1). The nodes are made by
 * this process, which is under no device program, on a tmpfs that is mounted nowhere.
 *
 * A node 0:0 is never put to the programs (devcgroup_inode_permission returns early when the inode has no device number): if access to it fails,
 * something else than the device controller refuses, and no answer is given at all.
 */
#define _GNU_SOURCE
#include "loader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PROBERS 64
/* Directories are kept small: thousands of nodes in one tmpfs directory have crashed a 6.12 kernel. */
#define NODES_PER_BATCH 512
#define REQUESTS_PER_BATCH 4096
#define CONTROL_NODE "control"

struct question {
	uint8_t type;
	uint8_t access;
	uint16_t node;
	uint32_t major;
	uint32_t minor;
};

struct batch {
	uint32_t count;
	int32_t failure;
	struct question questions[REQUESTS_PER_BATCH];
	/* 0 allowed; 1..4095 errno; a raw return value (set by bpf_set_retval) as 1000000 + value. */
	int32_t answers[REQUESTS_PER_BATCH];
};

struct prober {
	pid_t pid;
	int cgroup_fd;
	int to_child, from_child;
	struct batch *batch;
};

static struct prober probers[MAX_PROBERS];
static int next_victim;
static int node_directory = -1;

static mode_t mode_of_type(uint8_t type)
{
	return (type == 1 ? S_IFBLK : S_IFCHR) | 0666;
}

/* The encoding of mknod(2), new_encode_dev() of include/linux/kdev_t.h. */
static uint32_t encode_device(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

static long make_node(const char *name, uint8_t type, uint32_t major, uint32_t minor)
{
	return syscall(SYS_mknodat, node_directory, name, mode_of_type(type), encode_device(major, minor));
}

static int32_t answer_of(long result)
{
	if (result == 0)
		return 0;
	return result == -1 ? errno : (int32_t)(1000000 + result);
}

/* A tmpfs without a mount point: reachable through the fd alone, gone with it. */
static int open_node_directory(void)
{
	long context, mount = -1;

	if (node_directory >= 0)
		return 0;
	umask(0);
	context = syscall(SYS_fsopen, "tmpfs", 1);
	if (context < 0)
		return errno;
	if (syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) == 0)
		mount = syscall(SYS_fsmount, context, 1, 0);
	if (mount < 0) {
		int error = errno;

		close((int)context);
		return error;
	}
	close((int)context);
	node_directory = (int)mount;
	return make_node(CONTROL_NODE, 2, 0, 0) == 0 ? 0 : errno;
}

static int32_t ask(const struct question *question)
{
	char name[16];
	int mode = 0;

	if (question->access == 1) {
		long result = make_node("made", question->type, question->major, question->minor);

		if (result == 0)
			unlinkat(node_directory, "made", 0);
		return answer_of(result);
	}
	if (question->access & 2)
		mode |= R_OK;
	if (question->access & 4)
		mode |= W_OK;
	snprintf(name, sizeof(name), "n%u", question->node);
	return answer_of(syscall(SYS_faccessat, node_directory, name, mode));
}

/* The child must not keep links, programs or maps alive that its parent closes. */
static void close_all_but(int *one, int *two, int *three)
{
	int *kept[] = { one, two, three };

	for (int i = 0; i < 3; i++)
		*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 1000);
	for (int i = 0; i < 3; i++)
		*kept[i] = dup2(*kept[i], 3 + i);
	syscall(SYS_close_range, 6, ~0u, 0);
}

static void run_child(int cgroup_fd, int in, int out, struct batch *batch)
{
	char byte = 0;
	int procs = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "devpolicy-probe");
	batch->failure = procs < 0 || write(procs, "0", 1) != 1 ? errno : 0;
	close_all_but(&in, &out, &node_directory);
	if (write(out, &byte, 1) != 1 || batch->failure != 0)
		_exit(1);
	while (read(in, &byte, 1) == 1) {
		batch->failure = answer_of(syscall(SYS_faccessat, node_directory, CONTROL_NODE, R_OK | W_OK));
		for (uint32_t i = 0; i < batch->count && batch->failure == 0; i++)
			batch->answers[i] = ask(&batch->questions[i]);
		if (write(out, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void stop(struct prober *prober)
{
	if (prober->pid == 0)
		return;
	kill(prober->pid, SIGKILL);
	waitpid(prober->pid, NULL, 0);
	close(prober->to_child);
	close(prober->from_child);
	munmap(prober->batch, sizeof(struct batch));
	memset(prober, 0, sizeof(*prober));
}

void probe_forget(int cgroup_fd)
{
	for (int i = 0; i < MAX_PROBERS; i++)
		if (probers[i].pid != 0 && probers[i].cgroup_fd == cgroup_fd)
			stop(&probers[i]);
}

void probe_forget_all(void)
{
	for (int i = 0; i < MAX_PROBERS; i++)
		stop(&probers[i]);
}

static struct prober *free_place(void)
{
	for (int i = 0; i < MAX_PROBERS; i++)
		if (probers[i].pid == 0)
			return &probers[i];
	next_victim = (next_victim + 1) % MAX_PROBERS;
	stop(&probers[next_victim]);
	return &probers[next_victim];
}

/* Returns 0 or an errno; a child that cannot enter the cgroup is no prober. */
static int start(int cgroup_fd, struct prober **started)
{
	int down[2], up[2];
	char byte;
	struct prober *prober = free_place();

	if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
		return errno;
	prober->batch = mmap(NULL, sizeof(struct batch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prober->cgroup_fd = cgroup_fd;
	prober->pid = fork();
	if (prober->pid == 0) {
		close(down[1]);
		close(up[0]);
		run_child(cgroup_fd, down[0], up[1], prober->batch);
	}
	close(down[0]);
	close(up[1]);
	prober->to_child = down[1];
	prober->from_child = up[0];
	if (prober->pid < 0 || read(up[0], &byte, 1) != 1 || prober->batch->failure != 0) {
		int error = prober->pid > 0 && prober->batch->failure != 0 ? prober->batch->failure : EIO;

		stop(prober);
		return error;
	}
	*started = prober;
	return 0;
}

static int find(int cgroup_fd, struct prober **found)
{
	for (int i = 0; i < MAX_PROBERS; i++) {
		if (probers[i].pid != 0 && probers[i].cgroup_fd == cgroup_fd) {
			*found = &probers[i];
			return 0;
		}
	}
	return start(cgroup_fd, found);
}

static int same_node(const struct question *one, const struct question *other)
{
	return one->type == other->type && one->major == other->major && one->minor == other->minor;
}

/* Fills a batch from the front of `questions` and makes its nodes; equal neighbours share a node. Returns how many were taken, or -errno. */
static int fill(struct batch *batch, const struct question *questions, size_t available)
{
	int nodes = 0;
	uint32_t count = 0;

	while (count < available && count < REQUESTS_PER_BATCH) {
		struct question question = questions[count];

		if (count == 0 || !same_node(&question, &questions[count - 1])) {
			char name[16];

			if (nodes == NODES_PER_BATCH)
				break;
			snprintf(name, sizeof(name), "n%d", nodes);
			unlinkat(node_directory, name, 0);
			if (make_node(name, question.type, question.major, question.minor) != 0)
				return -errno;
			nodes++;
		}
		question.node = (uint16_t)(nodes - 1);
		batch->questions[count++] = question;
	}
	batch->count = count;
	return (int)count;
}

/* probe cgroupFd; payload: struct question each (type 1 block 2 char, access, 0, major, minor). -> payload: int32 answers as in struct batch. */
void command_probe(const struct request *request)
{
	const struct question *questions = (const struct question *)request->payload;
	size_t total = request->payload_length / sizeof(struct question);
	int32_t *answers;
	struct prober *prober = NULL;
	int error = open_node_directory();

	if (error == 0)
		error = find((int)number_argument(request, 1), &prober);
	if (error != 0) {
		reply_error(error, "probe start", NULL, 0);
		return;
	}
	answers = calloc(total + 1, sizeof(*answers));
	for (size_t done = 0; done < total && error == 0;) {
		char byte = 0;
		int taken = fill(prober->batch, questions + done, total - done);

		if (taken < 0)
			error = -taken;
		else if (write(prober->to_child, &byte, 1) != 1 || read(prober->from_child, &byte, 1) != 1)
			error = EPIPE;
		else if (prober->batch->failure != 0)
			error = EL2NSYNC;
		else {
			memcpy(answers + done, prober->batch->answers, (size_t)taken * sizeof(*answers));
			done += (size_t)taken;
		}
	}
	if (error != 0)
		reply_error(error, error == EL2NSYNC ? "control node 0:0 refused: not the device controller" : "probe", NULL, 0);
	else
		reply_ok(answers, total * sizeof(*answers), "-");
	free(answers);
}
