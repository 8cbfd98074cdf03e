/* Reads requests, dispatches them, and removes what was made when the input ends or a signal comes. See loader.h for the protocol. */
#define _GNU_SOURCE
#include "loader.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*run)(const struct request *request);
} commands[] = {
	{ "load", command_load },
	{ "elf", command_elf },
	{ "freplace", command_freplace },
	{ "map", command_map },
	{ "update", command_update },
	{ "lookup", command_lookup },
	{ "freeze", command_freeze },
	{ "info", command_info },
	{ "mapinfo", command_map_info },
	{ "attach", command_attach },
	{ "detach", command_detach },
	{ "link", command_link },
	{ "linkupdate", command_link_update },
	{ "query", command_query },
	{ "progfd", command_program_fd },
	{ "mapfd", command_map_fd },
	{ "mkdir", command_mkdir },
	{ "rmdir", command_rmdir },
	{ "open", command_open },
	{ "close", command_close },
	{ "probe", command_probe },
};

long long number_argument(const struct request *request, int index)
{
	return index < request->argc ? strtoll(request->argv[index], NULL, 0) : 0;
}

static void write_reply(const char *status, const void *payload, size_t length, const char *text)
{
	printf("%s %zu %s\n", status, length, text);
	if (length > 0)
		fwrite(payload, 1, length, stdout);
	fflush(stdout);
}

void reply_ok(const void *payload, size_t length, const char *format, ...)
{
	char text[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	write_reply("ok", payload, length, text);
}

void reply_error(int error, const char *what, const void *payload, size_t length)
{
	char text[512];

	snprintf(text, sizeof(text), "%d %s", error, what);
	write_reply("err", payload, length, text);
}

/* Splits "COMMAND BYTES ARG..." in place; argv[0] is the command. Returns the payload length, or -1 for a line that is not one. */
static long split_line(char *line, struct request *request)
{
	char *save = NULL;
	long length = -1;
	int position = 0;

	request->argc = 0;
	for (char *word = strtok_r(line, " \n", &save); word != NULL; word = strtok_r(NULL, " \n", &save), position++) {
		if (position == 1)
			length = strtol(word, NULL, 10);
		else if (request->argc < MAX_ARGS)
			request->argv[request->argc++] = word;
	}
	return length;
}

static void dispatch(const struct request *request)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, request->argv[0]) == 0) {
			commands[i].run(request);
			return;
		}
	}
	reply_error(ENOSYS, "unknown command", NULL, 0);
}

static void on_signal(int number)
{
	/* The watchdog of cgroup.c sees the end of its pipe and removes what was made. */
	_exit(128 + number);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t capacity = 0;
	/* Kernels before 5.11 count programs and maps against this limit and fail with EPERM beyond it. */
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	if (argc != 2) {
		fprintf(stderr, "usage: %s CGROUP2_MOUNT_POINT\n", argv[0]);
		return 2;
	}
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	cgroup_start(argv[1]);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	signal(SIGPIPE, on_signal);

	while (getline(&line, &capacity, stdin) > 0) {
		struct request request = { 0 };
		long length = split_line(line, &request);

		if (length < 0 || request.argc == 0) {
			reply_error(EINVAL, "malformed request", NULL, 0);
			continue;
		}
		request.payload = malloc((size_t)length + 1);
		request.payload_length = (size_t)length;
		if (request.payload == NULL || fread(request.payload, 1, request.payload_length, stdin) != request.payload_length)
			break;
		request.payload[length] = 0;
		dispatch(&request);
		free(request.payload);
	}
	probe_forget_all();
	cgroup_clean_up();
	return 0;
}
