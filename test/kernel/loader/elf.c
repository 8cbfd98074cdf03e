/* Loads a clang-compiled object with libbpf. Compiled in only with -DWITH_LIBBPF, so that the rest needs nothing but a C compiler. */
#define _GNU_SOURCE
#include "loader.h"

#include <errno.h>
#include <stdio.h>

#ifdef WITH_LIBBPF

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <string.h>

static char log_text[16384];
static size_t log_used;

static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	size_t left = sizeof(log_text) - log_used;
	int written;

	if (level == LIBBPF_DEBUG || left < 2)
		return 0;
	written = vsnprintf(log_text + log_used, left, format, arguments);
	if (written > 0)
		log_used += (size_t)written < left ? (size_t)written : left - 1;
	return written;
}

/* elf; payload: path. -> payload: lines "prog NAME FD" and "map NAME FD". The object stays loaded until this process ends. */
void command_elf(const struct request *request)
{
	char names[16384] = "";
	size_t used = 0;
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_map *map;
	int result;

	log_used = 0;
	log_text[0] = 0;
	libbpf_set_print(keep_log);
	object = bpf_object__open((const char *)request->payload);
	if (object == NULL) {
		reply_error(errno, "bpf_object__open", log_text, log_used);
		return;
	}
	bpf_object__for_each_program(program, object)
		bpf_program__set_type(program, BPF_PROG_TYPE_CGROUP_DEVICE);
	result = bpf_object__load(object);
	if (result != 0) {
		reply_error(-result, "bpf_object__load", log_text, log_used);
		bpf_object__close(object);
		return;
	}
	bpf_object__for_each_program(program, object)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "prog %s %d\n", bpf_program__name(program), bpf_program__fd(program));
	bpf_object__for_each_map(map, object)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "map %s %d\n", bpf_map__name(map), bpf_map__fd(map));
	reply_ok(names, used, "-");
}

/* freplace targetProgFd functionName; payload: path of an object with one program. -> linkFd progFd. */
void command_freplace(const struct request *request)
{
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_link *link;
	int target = (int)number_argument(request, 1);
	const char *function = request->argc > 2 ? request->argv[2] : "";
	int result;

	log_used = 0;
	log_text[0] = 0;
	libbpf_set_print(keep_log);
	object = bpf_object__open((const char *)request->payload);
	program = object != NULL ? bpf_object__next_program(object, NULL) : NULL;
	if (program == NULL) {
		reply_error(errno, "bpf_object__open", log_text, log_used);
		return;
	}
	result = bpf_program__set_attach_target(program, target, function);
	if (result == 0)
		result = bpf_object__load(object);
	if (result != 0) {
		reply_error(-result, "bpf_object__load", log_text, log_used);
		bpf_object__close(object);
		return;
	}
	link = bpf_program__attach_freplace(program, target, function);
	if (link == NULL) {
		reply_error(errno, "bpf_program__attach_freplace", log_text, log_used);
		bpf_object__close(object);
		return;
	}
	reply_ok(NULL, 0, "%d %d", bpf_link__fd(link), bpf_program__fd(program));
}

#else

void command_freplace(const struct request *request)
{
	(void)request;
	reply_error(ENOSYS, "this loader was built without libbpf", NULL, 0);
}

void command_elf(const struct request *request)
{
	(void)request;
	reply_error(ENOSYS, "this loader was built without libbpf", NULL, 0);
}

#endif
