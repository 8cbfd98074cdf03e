/* Global data: a configuration that is constant once loaded, one that may change, and a counter that is written. */
#include "device.h"

const volatile unsigned int allowed_major = 136;
volatile unsigned int also_allowed_minor = 3;
unsigned long long asked;

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	__sync_fetch_and_add(&asked, 1);
	if (TYPE(ctx) == CHAR && ctx->major == allowed_major)
		return 1;
	return ctx->major == 1 && ctx->minor == also_allowed_minor;
}
