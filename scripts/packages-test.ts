/**
 * Builds the Debian package, installs it in a bare Debian with Node.js and nothing else, and uses all of it: the command, manual pages,
 * completions in bash, zsh and fish, units; then removes it and looks for what it left. Then the single executable, in a bare Debian without Node.js.
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
const CAPTURE =
  'test/fixtures/captures/bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';

/** Runs in the root, in which /deb is the folder with package and captured host. Each line of CHECKS must hold. */
const INSIDE = String.raw`
set -u
check() { if eval "$2" >/tmp/out 2>&1; then echo "ok     $1"; else echo "FAILED $1"; sed 's/^/         /' /tmp/out | head -20; failed=1; fi; }
failed=0
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
find / -xdev -path /tmp -prune -o -path /var/lib/dpkg -prune -o -path /deb -prune -o -print | sort > /tmp/before
check 'installs' 'dpkg --path-include="/usr/share/man/*" --path-include="/usr/share/doc/*" -i /deb/*.deb'
check 'files are as packed' 'dpkg --verify devpolicy && [ -z "$(dpkg --verify devpolicy)" ]'
check 'prints its version' 'devpolicy --version | grep -q "^devpolicy [0-9]"'
check 'finds the land mine of a captured host' 'devpolicy --snapshot /deb/armed verify --all; [ $? -eq 1 ] && devpolicy --snapshot /deb/armed verify --all | grep -q ^LAND-MINE'
check 'SARIF has its rules' 'devpolicy --snapshot /deb/armed verify --all --format sarif | grep -q "\"id\": \"DP101\""'
check 'expectations are read' 'printf "version: 1\ncontainers: { \"docker:*\": [no block devices] }\n" > /tmp/e.yaml; devpolicy --snapshot /deb/armed verify --expect /tmp/e.yaml; [ $? -le 1 ]'
check 'explains' 'devpolicy explain DP101 | grep -q "land mine"'
check 'the addon loads' 'devpolicy doctor; [ $? -ne 1 ] && ! grep -qi "addon" /tmp/out'
for page in devpolicy devpolicy-verify devpolicy.json; do
  check "man $page" "man -P cat --warnings $page 2>/tmp/warnings | grep -q NAME && [ ! -s /tmp/warnings ]"
done
cat > /tmp/bash-test <<'SH'
source /usr/share/bash-completion/completions/devpolicy
COMP_LINE='devpolicy explain DP10'; COMP_POINT=${'$'}{#COMP_LINE}; _devpolicy; printf '%s\n' "${'$'}{COMPREPLY[@]}"
SH
check 'bash completes codes' 'bash --norc /tmp/bash-test | grep -qx DP101'
check 'fish completes formats' 'fish -c "complete -C \"devpolicy verify --format s\"" | grep -q ^sarif'
check 'fish completes containers' 'fish -c "complete -C \"devpolicy --snapshot /deb/armed show docker:\"" | grep -q ^docker:'
cat > /tmp/zsh-test <<'ZSH'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u -D; bindkey "^I" list-choices; print READY'
sleep 3
zpty -n -w z $'devpolicy explain DP10\t'
sleep 5
while zpty -r -t z more; do print -r -- "$more"; done
zpty -d z
ZSH
check 'zsh completes codes' 'zsh -f /tmp/zsh-test > /tmp/zsh-out; grep -q "DP101.*land mine" /tmp/zsh-out || { cat -v /tmp/zsh-out; false; }'
check 'units are well-formed' '[ -z "$(systemd-analyze verify /usr/lib/systemd/system/devpolicy-verify.service /usr/lib/systemd/system/devpolicy-verify.timer 2>&1 | grep devpolicy)" ]'
check 'apt takes the hook' 'apt-config -c /usr/share/doc/devpolicy/examples/80devpolicy dump DPkg::Pre-Invoke | grep -q before-reload'
check 'the timer is not enabled' '[ -z "$(find /etc/systemd -name "devpolicy*")" ]'
check 'is removed' 'dpkg --purge devpolicy'
find / -xdev -path /tmp -prune -o -path /var/lib/dpkg -prune -o -path /deb -prune -o -print | sort > /tmp/after
check 'leaves nothing' '[ -z "$(comm -13 /tmp/before /tmp/after | grep -i devpolicy)" ]'
exit $failed
`;

const EXECUTABLE = String.raw`
set -u
check() { if eval "$2" >/tmp/out 2>&1; then echo "ok     $1"; else echo "FAILED $1"; sed 's/^/         /' /tmp/out | head -20; failed=1; fi; }
failed=0
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
check 'there is no node' '! command -v node'
check 'unpacks' 'mkdir /opt/x && tar -C /opt/x -xJf /deb/devpolicy.tar.xz && ln -s /opt/x/devpolicy-*/devpolicy /usr/bin/devpolicy'
check 'prints its version' 'devpolicy --version | grep -q "^devpolicy [0-9]"'
check 'finds the land mine of a captured host' 'devpolicy --snapshot /deb/armed verify --all > /tmp/report; [ $? -eq 1 ] && grep -q ^LAND-MINE /tmp/report'
check 'explains' 'devpolicy explain DP101 | grep -q "land mine"'
check 'expectations are read' 'printf "version: 1\ncontainers: { \"docker:*\": [no block devices] }\n" > /tmp/e.yaml; devpolicy --snapshot /deb/armed verify --expect /tmp/e.yaml; [ $? -le 1 ]'
check 'the addon loads and asks the kernel' 'devpolicy doctor; [ $? -ne 1 ] && ! grep -qi addon /tmp/out'
exit $failed
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
    writeFileSync(path.join(deb, 'inside.sh'), script);
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

export async function main(): Promise<number> {
  const out = mkdtempSync(path.join(tmpdir(), 'devpolicy-built-'));
  try {
    const armed = path.join(projectRoot, CAPTURE);
    const deb = build('build-deb.mjs', out);
    console.log(`${path.basename(deb)} in a bare Debian trixie with ${PACKAGES.join(', ')}:`);
    const installed = inRoot(await debianRoot('trixie', PACKAGES), { [path.basename(deb)]: deb, armed }, INSIDE);
    const archive = build('build-sea.mjs', out);
    console.log(`${path.basename(archive)} in a bare Debian bullseye without Node.js:`);
    const unpacked = inRoot(
      await debianRoot('bullseye', ['xz-utils']),
      { 'devpolicy.tar.xz': archive, armed },
      EXECUTABLE,
    );
    return installed === 0 && unpacked === 0 ? 0 : 1;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
