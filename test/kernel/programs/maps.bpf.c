/* Policy in maps, as libvirt and GPU plug-ins keep it: a hash by device, an array by major. */
#include "device.h"

struct device {
	unsigned int major, minor;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct device);
	__type(value, unsigned int);
} devices SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, unsigned int);
	__type(value, unsigned int);
} majors SEC(".maps");

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	struct device device = { ctx->major, ctx->minor };
	unsigned int major = ctx->major;
	unsigned int *access = bpf_map_lookup_elem(&devices, &device);

	if (access && (ACCESS(ctx) & ~*access) == 0)
		return 1;
	access = bpf_map_lookup_elem(&majors, &major);
	return access && (ACCESS(ctx) & *access) != 0;
}
