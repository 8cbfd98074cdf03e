/* The bit to test is shifted by an input. */
#include "device.h"

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	const unsigned long long memory_devices = 1ULL << 3 | 1ULL << 5 | 1ULL << 7 | 1ULL << 8 | 1ULL << 9;
	unsigned int access = ACCESS(ctx);

	if (TYPE(ctx) != CHAR)
		return (ctx->minor & 0xf) == 1 && !(access & 4);
	if (ctx->major == 1)
		return ctx->minor < 64 && (memory_devices >> ctx->minor & 1);
	if (ctx->major < 32)
		return (0x40a00421u >> ctx->major & 1) && (1u << (ctx->minor & 7) & 0x5a);
	return (ctx->major ^ ctx->minor) % 3 == 0;
}
