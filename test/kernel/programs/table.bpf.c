/* A constant table in .rodata, searched in a loop. */
#include "device.h"

struct rule {
	unsigned int type, major, first, last, access;
};
static const volatile struct rule rules[] = {
	{ CHAR, 1, 3, 9, 6 }, { CHAR, 5, 0, 2, 7 }, { CHAR, 136, 0, 1048575, 6 }, { CHAR, 195, 0, 255, 6 },
	{ BLOCK, 8, 0, 15, 2 }, { CHAR, 10, 200, 200, 7 }, { CHAR, 4095, 1048575, 1048575, 7 },
};

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	unsigned int type = TYPE(ctx), access = ACCESS(ctx);

	for (int i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].type == type && rules[i].major == ctx->major && rules[i].first <= ctx->minor &&
		    ctx->minor <= rules[i].last && (access & ~rules[i].access) == 0)
			return 1;
	}
	return 0;
}
