#!/bin/sh
# load-test-foreign.sh [DIRECTORY]: loads the arm64 and armv7 addons in Debian's Node.js of those architectures under qemu-user.
# Needs root, mmdebstrap, qemu-user-static and the network; unpacked systems are kept in DIRECTORY (default: .lab/foreign) for the next time.
# qemu-user does not implement bpf(2): a query must come back as ENOSYS, the addon's own typed error. That proves loading, calling and the
# error path on a machine of another word size, not what a kernel answers.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
directory=${1:-$root/.lab/foreign}
mkdir -p "$directory"

check="$directory/check.cjs"
cat >"$check" <<'SCRIPT'
const addon = require(process.argv[2]);
const assert = require('node:assert/strict');
assert.equal(process.arch, process.argv[3]);
assert.ok(addon.bootTimeNs() > 1e9);
const fd = addon.openDirectory('/');
assert.throws(() => addon.queryPrograms(fd, true), { errno: 38, code: 'ENOSYS', syscall: 'bpf(BPF_PROG_QUERY)' });
addon.close(fd);
assert.throws(() => addon.close(fd), { errno: 9, code: 'EBADF', syscall: 'close' });
assert.throws(() => addon.openDirectory('/missing'), { code: 'ENOENT' });
assert.rejects(addon.scan('/'), { errno: 9, code: 'EBADF' }).then(() => {
  console.log(`${process.arch} ${process.version}: loads and calls`);
});
SCRIPT

# The archive this machine itself uses, plain: with a mirror named, mmdebstrap leaves out the update and security suites, which lag behind on
# some mirrors for the rarer architectures.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/$' | head -n 1)

# load ARCH-OF-NODE DEBIAN-ARCH QEMU
load() {
  system="$directory/$2"
  if [ ! -x "$system/usr/bin/node" ]; then
    mmdebstrap --quiet --variant=extract --architectures="$2" --include=nodejs trixie "$system" ${mirror:+"$mirror"} 2>"$directory/$2.log" ||
      { cat "$directory/$2.log" >&2; exit 1; }
    [ -e "$system/lib" ] || ln -s usr/lib "$system/lib"
  fi
  "$3" -L "$system" "$system/usr/bin/node" "$check" "$root/prebuilds/linux-$1/devpolicy.node" "$1"
}
load arm64 arm64 qemu-aarch64-static
load arm armhf qemu-arm-static
