/* A later program that takes back what an earlier one denied (kernels since 5.18). Attach `deny`, then `undo`. */
#include "device.h"

SEC("cgroup/dev")
int deny(struct bpf_cgroup_dev_ctx *ctx)
{
	return TYPE(ctx) == CHAR && ctx->major == 1 && ctx->minor < 8;
}

SEC("cgroup/dev")
int undo(struct bpf_cgroup_dev_ctx *ctx)
{
	if (ctx->major == 195)
		bpf_set_retval(0);
	if (ctx->major == 1 && ctx->minor == 3 && ACCESS(ctx) == 4)
		bpf_set_retval(-6);
	return 1;
}
