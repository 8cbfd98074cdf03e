/* The verdict depends on who asks, for one device only. */
#include "device.h"

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	if (ctx->major == 10 && ctx->minor == 229)
		return (unsigned int)bpf_get_current_uid_gid() == 0;
	return TYPE(ctx) == CHAR && ctx->major == 1;
}
