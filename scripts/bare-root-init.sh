# First process of scripts/bare-root-test.ts in its namespaces: a fresh Debian root as a machine of its own would see it.
# Environment: BARE_ROOT the Debian root (never written to), BARE_WORK a directory for what is written, BARE_COMMAND what to run in it.
set -e
mount --make-rprivate /
cd "$BARE_WORK"
mkdir -p upper work root
mount -t overlay overlay -o "lowerdir=$BARE_ROOT,upperdir=upper,workdir=work" root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p sys/fs/cgroup/init
echo 1 > sys/fs/cgroup/init/cgroup.procs
mount -t bpf bpf sys/fs/bpf
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
umask 0
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
  mknod dev/${node%%:*} c $(echo ${node#*:} | tr : ' ')
done
umask 022
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir -p .old-root
pivot_root . .old-root
umount -l /.old-root
rmdir /.old-root
cd /
exec sh -c "$BARE_COMMAND"
