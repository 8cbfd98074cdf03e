/* The verdict is in other programs: slot 0 for block, 1 for character devices, 2 stays empty. */
#include "device.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__uint(value_size, 4);
} slots SEC(".maps");

SEC("cgroup/dev")
int for_block(struct bpf_cgroup_dev_ctx *ctx)
{
	return ctx->major == 8;
}

SEC("cgroup/dev")
int for_char(struct bpf_cgroup_dev_ctx *ctx)
{
	return ctx->major == 1 && ctx->minor == 3;
}

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	if (ACCESS(ctx) == BPF_DEVCG_ACC_MKNOD)
		bpf_tail_call(ctx, &slots, 2);
	else
		bpf_tail_call(ctx, &slots, TYPE(ctx) == BLOCK ? 0 : 1);
	return ACCESS(ctx) == BPF_DEVCG_ACC_MKNOD;
}
