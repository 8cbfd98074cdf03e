/* Common beginning of the C test programs. */
#ifndef DEVPOLICY_TEST_DEVICE_H
#define DEVPOLICY_TEST_DEVICE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define BLOCK BPF_DEVCG_DEV_BLOCK
#define CHAR BPF_DEVCG_DEV_CHAR
#define TYPE(ctx) ((ctx)->access_type & 0xffff)
#define ACCESS(ctx) ((ctx)->access_type >> 16)

char _license[] SEC("license") = "GPL";

#endif
