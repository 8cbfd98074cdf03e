/* A bounded loop over what the request says, with a spilled accumulator. */
#include "device.h"

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	volatile unsigned int sum = ctx->major;

#pragma clang loop unroll(disable)
	for (unsigned int i = 0; i < 4; i++)
		sum = (sum ^ (ctx->minor >> (i * 5) & 31)) + i;
	if (TYPE(ctx) == BLOCK)
		return sum % 2 == 0;
	return (sum & 0xff) < 128 || ACCESS(ctx) == 0;
}
