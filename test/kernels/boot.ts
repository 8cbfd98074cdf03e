/** Boots a kernel in qemu without hardware virtualisation and collects what the checks inside report on the second serial line. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

export interface BootOptions {
  kernel: string;
  initrd: string;
  /** Words for the kernel's command line, where the checks read them. */
  words: readonly string[];
  /** File for the reports; removed afterwards. */
  reportFile: string;
  /** Milliseconds until the machine is switched off. */
  timeout: number;
  /** Called with each line of the console while it runs. */
  onConsole?: (line: string) => void;
}
export interface BootResult {
  /** What came on the console, for failures. */
  console: string;
  /** One JSON text per line. */
  reports: string[];
  seconds: number;
  timedOut: boolean;
}

/** Resolves when the machine has switched itself off or was switched off. Rejects only if qemu cannot be started. */
export function boot(options: BootOptions): Promise<BootResult> {
  // no_timer_check: on a loaded machine the emulated timer is late, and the kernel would panic over it.
  const words = [
    'console=ttyS0',
    'quiet',
    'loglevel=4',
    'panic=-1',
    'no_timer_check',
    'random.trust_cpu=on',
    ...options.words,
  ];
  // One processor: with two, emulated kernels crash over code that they patch while it runs. Without cmpxchg16b, which QEMU 7.2 gets wrong (6.12 crashes in
  // its allocator), and with four levels of page tables, which are quicker to walk.
  const args = [
    '-machine', 'pc,accel=tcg',
    '-cpu', 'max,la57=off,cx16=off',
    '-smp', '1',
    '-m', '2048',
    '-nodefaults',
    '-display', 'none',
    '-no-reboot',
    '-serial', 'stdio',
    '-serial', `file:${options.reportFile}`,
    '-kernel', options.kernel,
    '-initrd', options.initrd,
    '-append', words.join(' '),
  ]; // prettier-ignore
  const started = Date.now();
  return new Promise((resolve, reject) => {
    const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let line = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      machine.kill('SIGKILL');
    }, options.timeout);
    const stopWithUs = (): void => {
      machine.kill('SIGKILL');
    };
    process.once('exit', stopWithUs);
    const listen = (chunk: Buffer): void => {
      const text = chunk.toString('latin1');
      said = (said + text).slice(-200_000);
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const each of lines) options.onConsole?.(each.trimEnd());
    };
    machine.stdout.on('data', listen);
    machine.stderr.on('data', listen);
    machine.on('error', reject);
    machine.on('close', (code, signal) => {
      if (signal !== null && !timedOut) said += `\nqemu was ended by ${signal}`;
      else if (code !== 0) said += `\nqemu ended with status ${String(code)}`;
      clearTimeout(timer);
      process.off('exit', stopWithUs);
      const reports = readReports(options.reportFile);
      resolve({ console: said, reports, seconds: (Date.now() - started) / 1000, timedOut });
    });
  });
}

function readReports(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((text) => text.trim())
      .filter((text) => text !== '');
  } catch {
    return []; // qemu did not get as far as making it
  } finally {
    rmSync(file, { force: true });
  }
}
