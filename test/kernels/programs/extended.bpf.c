/* A device program with a global function that another program may replace (freplace). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__attribute__((noinline)) int allowed(__u32 major)
{
	return major == 1;
}

SEC("cgroup/dev")
int program(struct bpf_cgroup_dev_ctx *ctx)
{
	return allowed(ctx->major) & 1;
}

char _license[] SEC("license") = "GPL";
