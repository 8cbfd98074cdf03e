/**
 * Builds the Debian package, installs it in a bare Debian with Node.js and nothing else, and uses all of it: every command, manual pages,
 * completions in bash, zsh and fish, units; then removes it and looks for what it left. The same commands of the npm package, unpacked beside Node.js
 * and nothing else, and of the single executable, in a bare Debian without Node.js.
 * Needs root and mmdebstrap.
 *   npm run test:packages
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { debianRoot } from '../test/lab/debian-root.js';
import { projectRoot } from '../test/kernel/loader-process.js';

const PACKAGES = ['nodejs', 'man-db', 'zsh', 'fish', 'systemd'];
const CAPTURES =
  'test/fixtures/captures/bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default';

/** Begins every script that runs in a root, in which /deb is the folder with package and captured hosts. Each of its checks must hold. */
const CHECKS = String.raw`
set -u
check() { if eval "$2" >/tmp/out 2>&1; then echo "ok     $1"; else echo "FAILED $1"; sed 's/^/         /' /tmp/out | head -20; failed=1; fi; }
status() { wanted=$1; shift; "$@" || [ $? -eq "$wanted" ]; }
failed=0
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
listing() { find / -xdev -path /tmp -prune -o -path /var/lib/dpkg -prune -o -path /deb -prune -o -print | sort; }
`;

/** Every command, on captured hosts and on this one. */
const COMMANDS = String.raw`
check 'prints its version' 'devpolicy --version | grep -q "^devpolicy [0-9]"'
check 'list' 'devpolicy --snapshot /deb/armed list | grep -q "seed-default *docker"'
check 'show' 'devpolicy --snapshot /deb/armed show | grep -q "WILL LOSE"'
check 'verify finds the land mine of a captured host' 'devpolicy --snapshot /deb/armed verify --all > /tmp/report; [ $? -eq 1 ] && grep -q ^LAND-MINE /tmp/report'
check 'SARIF has its rules' 'devpolicy --snapshot /deb/armed verify --all --format sarif | grep -q "\"id\": \"DP101\""'
check 'verify --expect' 'printf "version: 1\ncontainers: { \"docker:*\": [no block devices] }\n" > /tmp/e.yaml; devpolicy --snapshot /deb/armed verify --expect /tmp/e.yaml; [ $? -le 1 ]'
cat > /tmp/i.yaml <<'YAML'
version: 1
ignore:
  - { code: DP101, subjects: 'docker:*', reason: tested with a package, until: 2099-12-31 }
YAML
check 'verify --ignore' '[ -z "$(devpolicy --snapshot /deb/armed verify --all --ignore /tmp/i.yaml)" ]'
check 'verify --ignore -v tells what it hides' 'devpolicy --snapshot /deb/armed verify --all -v --ignore /tmp/i.yaml | grep -q "tested with a package"'
check 'verify --textfile' 'status 1 devpolicy --snapshot /deb/armed verify --all --textfile /tmp/d.prom && grep -q "^devpolicy_landmine" /tmp/d.prom'
check 'can' '! devpolicy --snapshot /deb/went-off can seed-default c:1:3 rw > /tmp/can && grep -q DENIES /tmp/can'
check 'can answers many' 'printf "c\t1\t3\trw\n" | devpolicy --snapshot /deb/armed can seed-default --requests - | grep -q "allow$"'
check 'diff' 'status 1 devpolicy diff /deb/armed /deb/went-off | grep -q "c 1:3"'
check 'decode' 'devpolicy --byte-order little decode program:/deb/armed/prog-1.xlated --cfg svg | grep -q "</svg>"'
check 'snapshot' 'devpolicy snapshot --from /deb/armed -o /tmp/host.json && devpolicy --snapshot /tmp/host.json list | grep -q docker'
check 'report' 'devpolicy --snapshot /deb/armed report -o /tmp/report.html && grep -q "land mine" /tmp/report.html'
check 'fleet' 'devpolicy fleet /deb/armed /deb/went-off | grep -q "^2 hosts"'
check 'explain' 'devpolicy explain DP101 | grep -q "land mine"'
check 'explain --defuse' 'devpolicy --snapshot /deb/armed explain DP101 --defuse seed-default | grep -q "^systemctl set-property"'
check 'doctor: the addon loads and the kernel answers' 'devpolicy doctor; [ $? -ne 2 ] && grep -q "BPF_PROG_QUERY works" /tmp/out'
watches() {
  devpolicy watch --all --interval 0.5 2>/tmp/watched & pid=$!
  for second in $(seq 120); do grep -q "devpolicy: watching" /tmp/watched && break; sleep 1; done
  kill -TERM $pid; wait $pid; ended=$?
  cat /tmp/watched; grep -q "devpolicy: watching" /tmp/watched && { [ $ended -eq 0 ] || [ $ended -eq 3 ]; }
}
check 'watch looks, and ends when it is told to' watches
`;

const INSIDE = String.raw`
listing > /tmp/before
check 'installs' 'dpkg --path-include="/usr/share/man/*" --path-include="/usr/share/doc/*" -i /deb/*.deb'
check 'files are as packed' 'dpkg --verify devpolicy && [ -z "$(dpkg --verify devpolicy)" ]'
${COMMANDS}
for page in $(dpkg -L devpolicy | sed -n 's,^/usr/share/man/man[0-9]/\(.*\)\.[0-9]\.gz$,\1,p'); do
  check "man $page" "man -P cat --warnings $page 2>/tmp/warnings | grep -q NAME && [ ! -s /tmp/warnings ]"
done
check 'every command has a manual page' 'for each in $(devpolicy complete -- "" | cut -f1 | grep -v "^help$"); do man -w devpolicy-$each || exit 1; done'
cat > /tmp/bash-test <<'SH'
source /usr/share/bash-completion/completions/devpolicy
COMP_LINE=$1; COMP_POINT=${'$'}{#COMP_LINE}; _devpolicy; printf '%s\n' "${'$'}{COMPREPLY[@]}"
SH
completes() { bash --norc /tmp/bash-test "$1" | grep -qx -e "$2"; }
check 'bash completes codes' 'completes "devpolicy explain DP10" DP101'
check 'bash completes commands' 'completes "devpolicy w" watch && completes "devpolicy rep" report && completes "devpolicy fl" fleet'
check 'bash completes options' 'completes "devpolicy verify --ig" --ignore && completes "devpolicy watch --int" --interval'
check 'bash completes containers' 'completes "devpolicy --snapshot /deb/armed show se" seed-default'
check 'fish completes formats' 'fish -c "complete -C \"devpolicy verify --format s\"" | grep -q ^sarif'
check 'fish completes codes' 'fish -c "complete -C \"devpolicy explain DP10\"" | grep -q "^DP101.*land mine"'
check 'fish completes containers' 'fish -c "complete -C \"devpolicy --snapshot /deb/armed show docker:\"" | grep -q ^docker:'
cat > /tmp/zsh-test <<'ZSH'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u -D; bindkey "^I" list-choices; print READY'
sleep 3
zpty -n -w z $1$'\t'
sleep 5
while zpty -r -t z more; do print -r -- "$more"; done
zpty -d z
ZSH
zsh_completes() { zsh -f /tmp/zsh-test "$1" > /tmp/zsh-out; grep -q "$2" /tmp/zsh-out || { cat -v /tmp/zsh-out; false; }; }
check 'zsh completes codes' 'zsh_completes "devpolicy explain DP10" "DP101.*land mine"'
check 'zsh completes containers' 'zsh_completes "devpolicy --snapshot /deb/armed show " seed-default'
check 'units are well-formed' '[ -z "$(systemd-analyze verify /usr/lib/systemd/system/devpolicy-verify.service /usr/lib/systemd/system/devpolicy-verify.timer 2>&1 | grep devpolicy)" ]'
check 'apt takes the hook' 'apt-config -c /usr/share/doc/devpolicy/examples/apt/80devpolicy dump DPkg::Pre-Invoke | grep -q before-reload'
check 'the hook runs' '/usr/share/devpolicy/before-reload'
check 'the timer is not enabled' '[ -z "$(find /etc/systemd -name "devpolicy*")" ]'
check 'is removed' 'dpkg --purge devpolicy'
listing > /tmp/after
check 'leaves nothing' '[ -z "$(comm -13 /tmp/before /tmp/after | grep -i devpolicy)" ]'
`;

/** As npm lays it out, without npm: the command needs none of its dependencies. */
const TARBALL = String.raw`
check 'unpacks' 'mkdir -p /opt/node_modules && tar -C /opt/node_modules -xzf /deb/devpolicy.tgz && mv /opt/node_modules/package /opt/node_modules/devpolicy && ln -s /opt/node_modules/devpolicy/dist/cli/main.js /usr/bin/devpolicy && chmod +x /usr/bin/devpolicy'
${COMMANDS}
`;

const EXECUTABLE = String.raw`
check 'there is no node' '! command -v node'
check 'unpacks' 'mkdir /opt/x && tar -C /opt/x -xJf /deb/devpolicy.tar.xz && ln -s /opt/x/devpolicy-*/devpolicy /usr/bin/devpolicy'
${COMMANDS}
`;

/** A private copy of the root: an overlay on a tmpfs, gone with the mount namespace. */
const OUTSIDE = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$WORK/mnt"
mkdir "$WORK/mnt/upper" "$WORK/mnt/work" "$WORK/mnt/root"
mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$WORK/mnt/upper,workdir=$WORK/mnt/work" "$WORK/mnt/root"
cd "$WORK/mnt/root"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mkdir -p deb
cp -r "$WORK/deb/." deb
exec chroot . sh /deb/inside.sh
`;

/** Runs a script in a private copy of a root, with a folder of files at /deb. Returns its status. */
function inRoot(root: string, files: Readonly<Record<string, string>>, script: string): number {
  const work = mkdtempSync(path.join(tmpdir(), 'devpolicy-packages-'));
  try {
    mkdirSync(path.join(work, 'mnt'));
    const deb = path.join(work, 'deb');
    mkdirSync(deb);
    for (const [name, source] of Object.entries(files)) cpSync(source, path.join(deb, name), { recursive: true });
    writeFileSync(path.join(deb, 'inside.sh'), `${CHECKS}${script}exit $failed\n`);
    const result = spawnSync('unshare', ['--mount', '--pid', '--fork', '--', 'sh', '-c', OUTSIDE], {
      stdio: 'inherit',
      env: { PATH: process.env['PATH'] ?? '', WORK: work, ROOT: root },
    });
    return result.status ?? 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs a build script of this folder and returns the path it prints last. */
function build(script: string, out: string): string {
  const result = spawnSync(process.execPath, [path.join('scripts', script), '--out', out], {
    cwd: projectRoot,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const made = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.status !== 0 || made === '') throw new Error(`${script}: status ${String(result.status)}`);
  return made;
}

/** The npm package of what is built. Returns its path. */
function pack(out: string): string {
  const result = spawnSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], {
    cwd: projectRoot,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [packed] = JSON.parse(result.stdout) as [{ filename: string }];
  return path.join(out, packed.filename);
}

export async function main(): Promise<number> {
  const out = mkdtempSync(path.join(tmpdir(), 'devpolicy-built-'));
  try {
    const hosts = {
      armed: path.join(projectRoot, `${CAPTURES}-0-before`),
      'went-off': path.join(projectRoot, `${CAPTURES}-1-after-daemon-reload`),
    };
    const trixie = await debianRoot('trixie', PACKAGES);
    const deb = build('build-deb.mjs', out);
    console.log(`${path.basename(deb)} in a bare Debian trixie with ${PACKAGES.join(', ')}:`);
    const installed = inRoot(trixie, { [path.basename(deb)]: deb, ...hosts }, INSIDE);
    const tarball = pack(out);
    console.log(`${path.basename(tarball)} in the same, without npm:`);
    const extracted = inRoot(trixie, { 'devpolicy.tgz': tarball, ...hosts }, TARBALL);
    const archive = build('build-sea.mjs', out);
    console.log(`${path.basename(archive)} in a bare Debian bullseye without Node.js:`);
    const unpacked = inRoot(
      await debianRoot('bullseye', ['xz-utils']),
      { 'devpolicy.tar.xz': archive, ...hosts },
      EXECUTABLE,
    );
    return installed === 0 && extracted === 0 && unpacked === 0 ? 0 : 1;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
