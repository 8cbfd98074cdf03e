# First process of a systemd lab, in new namespaces: puts a private root together and becomes systemd.
# Environment: LAB_ROOT Debian root (never written to), LAB_WORK empty directory, LAB_PROJECT the checkout, LAB_NODE_PREFIX where node lives,
# LAB_LINKS "yes" for /dev/char and /dev/block links, LAB_NODES lines "PATH TYPE MAJOR MINOR", LAB_SHIM library to preload or empty.
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$LAB_WORK"
cd "$LAB_WORK"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=$LAB_ROOT,upperdir=upper,workdir=work" root
cd root

# For roots of guests: an overlay over this one would be the third in a row where LAB_ROOT lies on an overlay itself, and the kernel takes two.
mkdir -p opt/lab-root
mount --bind "$LAB_ROOT" opt/lab-root
mount -o remount,bind,ro opt/lab-root

mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t bpf bpf sys/fs/bpf
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for directory in var/lib/docker var/lib/containers var/lib/containerd var/lib/lxc var/lib/incus var/lib/lxd var/lib/machines; do
  mkdir -p $directory
  mount -t tmpfs tmpfs $directory
done

umask 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s /proc/self/fd dev/fd
printf '%s\n' "$LAB_NODES" | while read -r path type major minor; do
  [ -n "$path" ] || continue
  mkdir -p ".$(dirname "$path")"
  mknod ".$path" "$type" "$major" "$minor"
  if [ "$LAB_LINKS" = yes ]; then
    case $type in b) class=block ;; *) class=char ;; esac
    mkdir -p dev/$class
    ln -s "$path" "dev/$class/$major:$minor"
  fi
done
umask 022

# Node.js and the checkout under test, beside whatever this suite has: the host's own C library is used for them, see hostNode() of systemd.ts.
mkdir -p opt/host-usr opt/host-node opt/devpolicy
mount --bind /usr opt/host-usr
mount -o remount,bind,ro opt/host-usr
mount --bind "$LAB_NODE_PREFIX" opt/host-node
mount -o remount,bind,ro opt/host-node
# Debian's node reads some of its built-in modules from there, by their absolute path.
mkdir -p usr/share/nodejs
if [ -d /usr/share/nodejs ]; then
  mount --bind /usr/share/nodejs usr/share/nodejs
  mount -o remount,bind,ro usr/share/nodejs
fi
mount --rbind "$LAB_PROJECT" opt/devpolicy

if [ -n "$LAB_SHIM" ]; then
  cp "$LAB_SHIM" usr/lib/devpolicy-memlock-shim.so
  echo /usr/lib/devpolicy-memlock-shim.so > etc/ld.so.preload
fi
: > etc/machine-id
echo lab > etc/hostname
mkdir -p etc/docker etc/systemd/system usr/local/sbin
cat > etc/docker/daemon.json <<'JSON'
{ "bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false, "storage-driver": "vfs",
  "runtimes": { "runc-nested": { "path": "/usr/local/sbin/runc-nested" } } }
JSON
# docker run --privileged asks for every capability that exists; a test machine whose bounding set lacks one cannot grant it. containerd asks for a
# weight of processors; a test kernel without that controller has no file for it. This runtime is runc with both taken out of the bundle's
# configuration; device rules are not touched.
cat > usr/local/sbin/runc-nested <<'SH'
#!/bin/sh
previous=
for word; do
  if [ "$previous" = --bundle ] && [ -f "$word/config.json" ]; then
    sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,"CAP_SYS_RESOURCE"//g' -e 's/"cpu":{[^}]*}/"cpu":{}/' "$word/config.json"
  fi
  previous=$word
done
exec /usr/sbin/runc "$@"
SH
chmod 755 usr/local/sbin/runc-nested
mkdir -p etc/containers
printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' > etc/containers/storage.conf
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service systemd-networkd.service \
  systemd-resolved.service systemd-timesyncd.service systemd-logind.service lxc-net.service lxc.service lxc-monitord.service docker.service.d \
  console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer podman-auto-update.timer; do
  [ -d etc/systemd/system/$unit ] || ln -sf /dev/null etc/systemd/system/$unit
done

mkdir -p .old-root
pivot_root . .old-root
exec 3>&1 </dev/null >/dev/null 2>&1
umount -l /.old-root
rmdir /.old-root
cd /
echo ready >&3
exec 3>&-
unset LAB_ROOT LAB_WORK LAB_PROJECT LAB_NODE_PREFIX LAB_LINKS LAB_NODES LAB_SHIM LD_PRELOAD
container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin exec /lib/systemd/systemd --system --unit=basic.target
