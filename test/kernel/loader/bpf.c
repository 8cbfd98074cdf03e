/* bpf(2) by hand: attributes are written at their offsets of include/uapi/linux/bpf.h, so that old headers do not limit what can be tested. */
#define _GNU_SOURCE
#include "loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum command {
	MAP_CREATE = 0,
	MAP_LOOKUP_ELEM = 1,
	MAP_UPDATE_ELEM = 2,
	PROG_LOAD = 5,
	PROG_ATTACH = 8,
	PROG_DETACH = 9,
	PROG_GET_FD_BY_ID = 13,
	MAP_GET_FD_BY_ID = 14,
	OBJ_GET_INFO_BY_FD = 15,
	PROG_QUERY = 16,
	BTF_LOAD = 18,
	MAP_FREEZE = 22,
	LINK_CREATE = 28,
	LINK_UPDATE = 29,
};

#define PROG_TYPE_CGROUP_DEVICE 15
#define ATTACH_CGROUP_DEVICE 6
#define LOG_BYTES (1u << 20)
/* How much of the end of a verifier log is handed on: the reason stands there. */
#define LOG_TAIL_BYTES 4096u

union attributes {
	uint32_t u32[36];
	uint64_t u64[18];
	unsigned char bytes[144];
};

static long bpf(enum command command, union attributes *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static uint32_t word_argument(const struct request *request, int index)
{
	return (uint32_t)number_argument(request, index);
}

static void object_info(int fd, void *info, uint32_t length, long *result)
{
	union attributes attributes = { 0 };

	attributes.u32[0] = (uint32_t)fd;
	attributes.u32[1] = length;
	attributes.u64[1] = address(info);
	*result = bpf(OBJ_GET_INFO_BY_FD, &attributes);
}

/* Both struct bpf_prog_info and struct bpf_map_info have the id as their second word. */
static uint32_t object_id(int fd)
{
	uint32_t info[64] = { 0 };
	long result;

	object_info(fd, info, sizeof(info), &result);
	return result == 0 ? info[1] : 0;
}

/* Gives the program type data: BTF of `length` bytes and struct bpf_func_info behind it. The file descriptor, or a negative number. */
static long load_types(union attributes *program, const unsigned char *btf, size_t length, size_t functions)
{
	union attributes attributes = { 0 };
	long fd;

	attributes.u64[0] = address(btf);
	attributes.u32[4] = (uint32_t)length;
	fd = bpf(BTF_LOAD, &attributes);
	if (fd < 0)
		return fd;
	program->u32[18] = (uint32_t)fd;
	program->u32[19] = 8;
	program->u64[10] = address(btf + length);
	program->u32[22] = (uint32_t)(functions / 8);
	return fd;
}

/* load [name] [flags] [instruction bytes] [BTF bytes]; payload: instructions, BTF, func_info. -> fd id. On refusal the payload of the reply is the end of the verifier's log. */
void command_load(const struct request *request)
{
	union attributes attributes = { 0 };
	static const char license[] = "GPL";
	char *log;
	size_t instructions = request->argc > 3 ? (size_t)number_argument(request, 3) : request->payload_length;
	size_t types = (size_t)number_argument(request, 4);
	size_t used, skip;
	long fd, btf = -1;
	int error;

	attributes.u32[0] = PROG_TYPE_CGROUP_DEVICE;
	attributes.u32[1] = (uint32_t)(instructions / 8);
	attributes.u64[1] = address(request->payload);
	attributes.u64[2] = address(license);
	attributes.u32[11] = word_argument(request, 2);
	/* expected_attach_type: bpf_set_retval is refused to programs that leave it 0 (= ingress), kernel/bpf/cgroup.c, cgroup_common_func_proto. */
	attributes.u32[17] = ATTACH_CGROUP_DEVICE;
	if (request->argc > 1 && strcmp(request->argv[1], "-") != 0)
		strncpy((char *)attributes.bytes + 48, request->argv[1], 15);
	if (types > 0) {
		const unsigned char *behind = (const unsigned char *)request->payload + instructions;

		btf = load_types(&attributes, behind, types, request->payload_length - instructions - types);
		if (btf < 0) {
			reply_error(errno, "BPF_BTF_LOAD", NULL, 0);
			return;
		}
	}
	fd = bpf(PROG_LOAD, &attributes);
	error = errno;
	if (fd >= 0) {
		if (btf >= 0)
			close((int)btf);
		reply_ok(NULL, 0, "%ld %u", fd, object_id((int)fd));
		return;
	}
	log = calloc(1, LOG_BYTES);
	attributes.u32[6] = 1;
	attributes.u32[7] = LOG_BYTES;
	attributes.u64[4] = address(log);
	fd = bpf(PROG_LOAD, &attributes);
	if (fd >= 0)
		close((int)fd);
	if (btf >= 0)
		close((int)btf);
	used = strnlen(log, LOG_BYTES);
	skip = used > LOG_TAIL_BYTES ? used - LOG_TAIL_BYTES : 0;
	reply_error(error, "BPF_PROG_LOAD", log + skip, used - skip);
	free(log);
}

/* map type keySize valueSize maxEntries flags -> fd id. Inner maps of map-in-map types: sixth argument, an fd. */
void command_map(const struct request *request)
{
	union attributes attributes = { 0 };
	long fd;

	for (int i = 0; i < 6; i++)
		attributes.u32[i] = word_argument(request, i + 1);
	fd = bpf(MAP_CREATE, &attributes);
	if (fd < 0)
		reply_error(errno, "BPF_MAP_CREATE", NULL, 0);
	else
		reply_ok(NULL, 0, "%ld %u", fd, object_id((int)fd));
}

/* update fd keySize; payload: key then value. For PROG_ARRAY the value is a program fd of this process. */
void command_update(const struct request *request)
{
	union attributes attributes = { 0 };

	attributes.u32[0] = word_argument(request, 1);
	attributes.u64[1] = address(request->payload);
	attributes.u64[2] = address(request->payload + number_argument(request, 2));
	if (bpf(MAP_UPDATE_ELEM, &attributes) != 0)
		reply_error(errno, "BPF_MAP_UPDATE_ELEM", NULL, 0);
	else
		reply_ok(NULL, 0, "-");
}

/* lookup fd valueSize; payload: key. -> value as payload. */
void command_lookup(const struct request *request)
{
	union attributes attributes = { 0 };
	size_t size = (size_t)number_argument(request, 2);
	unsigned char *value = calloc(1, size + 8);

	attributes.u32[0] = word_argument(request, 1);
	attributes.u64[1] = address(request->payload);
	attributes.u64[2] = address(value);
	if (bpf(MAP_LOOKUP_ELEM, &attributes) != 0)
		reply_error(errno, "BPF_MAP_LOOKUP_ELEM", NULL, 0);
	else
		reply_ok(value, size, "-");
	free(value);
}

void command_freeze(const struct request *request)
{
	union attributes attributes = { 0 };

	attributes.u32[0] = word_argument(request, 1);
	if (bpf(MAP_FREEZE, &attributes) != 0)
		reply_error(errno, "BPF_MAP_FREEZE", NULL, 0);
	else
		reply_ok(NULL, 0, "-");
}

/*
 * info progFd -> id tag(16 hex) mapId,mapId...|- ; payload: translated instructions.
 * struct bpf_prog_info: +0 type, +4 id, +8 tag[8], +16 jited_len, +20 xlated_len, +24 jited, +32 xlated, +52 nr_map_ids, +56 map_ids.
 */
void command_info(const struct request *request)
{
	unsigned char info[256] = { 0 };
	uint32_t length, count, ids[64], id;
	unsigned char *instructions;
	char tag[17], maps[1024] = "";
	long result;
	int fd = (int)number_argument(request, 1);

	object_info(fd, info, sizeof(info), &result);
	if (result != 0) {
		reply_error(errno, "BPF_OBJ_GET_INFO_BY_FD", NULL, 0);
		return;
	}
	memcpy(&length, info + 20, 4);
	memset(info, 0, sizeof(info));
	instructions = calloc(1, length + 8u);
	memcpy(info + 20, &length, 4);
	memcpy(info + 32, &(uint64_t){ address(instructions) }, 8);
	memcpy(info + 52, &(uint32_t){ 64 }, 4);
	memcpy(info + 56, &(uint64_t){ address(ids) }, 8);
	object_info(fd, info, sizeof(info), &result);
	if (result != 0) {
		reply_error(errno, "BPF_OBJ_GET_INFO_BY_FD", NULL, 0);
		free(instructions);
		return;
	}
	memcpy(&id, info + 4, 4);
	memcpy(&count, info + 52, 4);
	for (int i = 0; i < 8; i++)
		snprintf(tag + 2 * i, 3, "%02x", info[8 + i]);
	for (uint32_t i = 0; i < count && i < 64; i++)
		snprintf(maps + strlen(maps), sizeof(maps) - strlen(maps), "%s%u", i > 0 ? "," : "", ids[i]);
	reply_ok(instructions, length, "%u %s %s", id, tag, count > 0 ? maps : "-");
	free(instructions);
}

/* mapinfo fd -> id type keySize valueSize maxEntries flags name|- */
void command_map_info(const struct request *request)
{
	uint32_t info[64] = { 0 };
	long result;

	object_info((int)number_argument(request, 1), info, sizeof(info), &result);
	if (result != 0)
		reply_error(errno, "BPF_OBJ_GET_INFO_BY_FD", NULL, 0);
	else
		reply_ok(NULL, 0, "%u %u %u %u %u %u %s", info[1], info[0], info[2], info[3], info[4], info[5],
			 info[6] != 0 ? (const char *)(info + 6) : "-");
}

/* attach cgroupFd progFd flags [replaceFd] [relativeFdOrId] [expectedRevision] */
void command_attach(const struct request *request)
{
	union attributes attributes = { 0 };

	attributes.u32[0] = word_argument(request, 1);
	attributes.u32[1] = word_argument(request, 2);
	attributes.u32[2] = ATTACH_CGROUP_DEVICE;
	attributes.u32[3] = word_argument(request, 3);
	attributes.u32[4] = word_argument(request, 4);
	attributes.u32[5] = word_argument(request, 5);
	attributes.u64[3] = (uint64_t)number_argument(request, 6);
	if (bpf(PROG_ATTACH, &attributes) != 0)
		reply_error(errno, "BPF_PROG_ATTACH", NULL, 0);
	else
		reply_ok(NULL, 0, "-");
}

/* detach cgroupFd progFd|0 */
void command_detach(const struct request *request)
{
	union attributes attributes = { 0 };

	attributes.u32[0] = word_argument(request, 1);
	attributes.u32[1] = word_argument(request, 2);
	attributes.u32[2] = ATTACH_CGROUP_DEVICE;
	if (bpf(PROG_DETACH, &attributes) != 0)
		reply_error(errno, "BPF_PROG_DETACH", NULL, 0);
	else
		reply_ok(NULL, 0, "-");
}

/* link cgroupFd progFd flags [relativeFdOrId] -> fd. Closing the fd ends the link. */
void command_link(const struct request *request)
{
	union attributes attributes = { 0 };
	long fd;

	attributes.u32[0] = word_argument(request, 2);
	attributes.u32[1] = word_argument(request, 1);
	attributes.u32[2] = ATTACH_CGROUP_DEVICE;
	attributes.u32[3] = word_argument(request, 3);
	attributes.u32[4] = word_argument(request, 4);
	fd = bpf(LINK_CREATE, &attributes);
	if (fd < 0)
		reply_error(errno, "BPF_LINK_CREATE", NULL, 0);
	else
		reply_ok(NULL, 0, "%ld %u", fd, object_id((int)fd));
}

/* linkupdate linkFd progFd */
void command_link_update(const struct request *request)
{
	union attributes attributes = { 0 };

	attributes.u32[0] = word_argument(request, 1);
	attributes.u32[1] = word_argument(request, 2);
	if (bpf(LINK_UPDATE, &attributes) != 0)
		reply_error(errno, "BPF_LINK_UPDATE", NULL, 0);
	else
		reply_ok(NULL, 0, "-");
}

/* query cgroupFd queryFlags -> attachFlags; payload: u32 ids in the kernel's order. */
void command_query(const struct request *request)
{
	union attributes attributes = { 0 };
	static uint32_t ids[4096];

	attributes.u32[0] = word_argument(request, 1);
	attributes.u32[1] = ATTACH_CGROUP_DEVICE;
	attributes.u32[2] = word_argument(request, 2);
	attributes.u64[2] = address(ids);
	attributes.u32[6] = 4096;
	if (bpf(PROG_QUERY, &attributes) != 0)
		reply_error(errno, "BPF_PROG_QUERY", NULL, 0);
	else
		reply_ok(ids, attributes.u32[6] * sizeof(ids[0]), "%u", attributes.u32[3]);
}

static void fd_by_id(const struct request *request, enum command command, const char *what)
{
	union attributes attributes = { 0 };
	long fd;

	attributes.u32[0] = word_argument(request, 1);
	fd = bpf(command, &attributes);
	if (fd < 0)
		reply_error(errno, what, NULL, 0);
	else
		reply_ok(NULL, 0, "%ld", fd);
}

/* progfd id -> fd */
void command_program_fd(const struct request *request)
{
	fd_by_id(request, PROG_GET_FD_BY_ID, "BPF_PROG_GET_FD_BY_ID");
}

/* mapfd id -> fd */
void command_map_fd(const struct request *request)
{
	fd_by_id(request, MAP_GET_FD_BY_ID, "BPF_MAP_GET_FD_BY_ID");
}
