/* A switch becomes a tree of (signed) comparisons. */
#include "device.h"

SEC("cgroup/dev")
int decide(struct bpf_cgroup_dev_ctx *ctx)
{
	if (TYPE(ctx) == BLOCK)
		return ctx->major == 8 && ctx->minor < 16 && !(ACCESS(ctx) & BPF_DEVCG_ACC_WRITE);
	switch (ctx->major) {
	case 1:
		switch (ctx->minor) {
		case 3: case 5: case 7: case 8: case 9:
			return 1;
		}
		return 0;
	case 5:
		return ctx->minor <= 2;
	case 10:
		return ctx->minor == 200 || ctx->minor == 229;
	case 136 ... 143:
		return 1;
	case 195:
		return ctx->minor != 254;
	case 226:
		return ctx->minor >= 128 && ctx->minor < 192;
	}
	return ACCESS(ctx) == BPF_DEVCG_ACC_MKNOD;
}
