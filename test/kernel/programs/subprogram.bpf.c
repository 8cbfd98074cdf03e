/* bpf-to-bpf calls, one of them nested. */
#include "device.h"

static __attribute__((noinline)) int in_range(unsigned int value, unsigned int first, unsigned int count)
{
	return value - first < count;
}

static __attribute__((noinline)) int is_terminal(unsigned int major, unsigned int minor)
{
	if (in_range(major, 136, 8))
		return 1;
	return major == 5 && in_range(minor, 0, 3);
}

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	if (TYPE(ctx) != CHAR)
		return 0;
	if (is_terminal(ctx->major, ctx->minor))
		return 1;
	return in_range(ctx->major, 1, 1) && in_range(ctx->minor, 3, 7);
}
