import { type ViteUserConfig, defineConfig } from 'vitest/config';

/**
 * unit:   no root, no kernel, runs anywhere, in parallel.
 * kernel: root and bpf(2); the running kernel is the referee. One file at a time: they share the machine's cgroup tree and its speed.
 * lab:    root; real runtimes in private namespaces, a whole Debian with systemd. One file at a time.
 */
const needsRoot = ['test/kernel/**/*.test.ts', 'test/lab/**/*.test.ts', 'test/e2e/**/*.lab.test.ts'];

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        // Modules are loaded once for all files of a worker: without isolation nothing of src may keep state, which is the house rule anyway.
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: needsRoot,
          isolate: false,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'lab',
          globalSetup: 'test/lab/global-setup.ts',
          include: ['test/lab/**/*.test.ts', 'test/e2e/**/*.lab.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});

export default config;
