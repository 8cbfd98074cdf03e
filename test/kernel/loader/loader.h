/*
 * Test-only program: loads and attaches device programs and asks the kernel for verdicts. It is compiled by the test set-up, lives under test/ and is
 * in no package: devpolicy itself never writes to the kernel.
 *
 * Protocol on stdin/stdout, one request at a time:
 *   request:  COMMAND PAYLOAD_BYTES ARG...\n  followed by PAYLOAD_BYTES bytes
 *   reply:    ok|err PAYLOAD_BYTES ARG...\n   followed by PAYLOAD_BYTES bytes; for err the first ARG is errno and the second says what failed
 * File descriptors in requests and replies are this process's own numbers. End of input: clean up and exit.
 */
#ifndef DEVPOLICY_TEST_LOADER_H
#define DEVPOLICY_TEST_LOADER_H

#include <stddef.h>
#include <stdint.h>

#define MAX_ARGS 16

struct request {
	int argc;
	char *argv[MAX_ARGS];
	unsigned char *payload;
	size_t payload_length;
};

/* Numeric argument `index` of the request (decimal, 0x hex or negative), 0 when it is absent. */
long long number_argument(const struct request *request, int index);

void reply_ok(const void *payload, size_t length, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* `error` is a positive errno. */
void reply_error(int error, const char *what, const void *payload, size_t length);

/* bpf.c */
void command_load(const struct request *request);
void command_map(const struct request *request);
void command_update(const struct request *request);
void command_lookup(const struct request *request);
void command_freeze(const struct request *request);
void command_info(const struct request *request);
void command_attach(const struct request *request);
void command_detach(const struct request *request);
void command_link(const struct request *request);
void command_link_update(const struct request *request);
void command_query(const struct request *request);
void command_program_fd(const struct request *request);
void command_map_fd(const struct request *request);
void command_map_info(const struct request *request);

/* cgroup.c */
void cgroup_start(const char *mount_point);
void cgroup_clean_up(void);
void command_mkdir(const struct request *request);
void command_rmdir(const struct request *request);
void command_open(const struct request *request);
void command_close(const struct request *request);

/* probe.c */
void command_probe(const struct request *request);
/* Ends the probing process that sits in this cgroup, if there is one. */
void probe_forget(int cgroup_fd);
void probe_forget_all(void);

/* elf.c */
void command_elf(const struct request *request);
void command_freplace(const struct request *request);

#endif
