/* Takes the place of allowed() in extended.bpf.c: the other way round. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("freplace/allowed")
int replacement(__u32 major)
{
	return major != 1;
}

char _license[] SEC("license") = "GPL";
