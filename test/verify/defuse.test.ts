import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { onlySubject } from '../../src/cli/targets.js';
import { createRun } from '../../src/pipeline.js';
import { defuseText } from '../../src/report/defuse-text.js';
import { shellWord } from '../../src/report/shell-word.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { deviceAllowLines, lineText, MOST_LINES } from '../../src/verify/defuse-lines.js';
import type { DefuseResult } from '../../src/verify/defuse.js';
import { deviceNames } from '../../src/verify/device-names.js';
import { rules, space } from './subject-builder.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures/bookworm-landmine-systemd-252.39');

function opened(name: string): { snapshot: Snapshot; result: DefuseResult; text: string } {
  const snapshot = snapshotFromDirectory(join(CAPTURES, name));
  const subject = onlySubject(snapshot);
  const result = createRun(snapshot).defuse(subject);
  return { snapshot, result, text: defuseText(subject.name, result, deviceNames(snapshot, subject)) };
}

describe("the story's land mine", () => {
  test("before it went off: systemd's list is completed, and nothing is lost", () => {
    const { result, text } = opened('SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before');
    expect(result.kind).toBe('ways');
    const [way, ...others] = result.kind === 'ways' ? result.ways : [];
    expect(others).toEqual([]);
    expect(way?.way).toBe('complete-list');
    expect(way?.stillLost.isEmpty()).toBe(true);
    expect(way?.undecided.isEmpty()).toBe(true);
    expect(way?.properties).toContain('DeviceAllow=/dev/char/1:3 rw');
    expect(text).toMatch(/^systemctl set-property --runtime -- docker-[0-9a-f]{64}\.scope \\$/m);
    expect(text).not.toContain('Still lost');
  });
});

describe('lines of DeviceAllow=', () => {
  const lines = (...texts: string[]): string[] => deviceAllowLines(rules(...texts)).map(lineText);
  test('numbers, majors and classes', () => {
    expect(lines('c 1:3 rw', 'b 8:* r', 'c *:* m')).toEqual(
      expect.arrayContaining(['/dev/char/1:3 rwm', 'block-8 r', 'char-* m']),
    );
  });
  test('what systemd has no form for is left out', () => {
    expect(lines('c *:5 rwm')).toEqual([]);
    expect(lines('c 0-135:5 rwm')).toEqual([]);
    expect(lines('c 5:0-1000 rwm')).toEqual([]);
  });
  test('every line is within the region that its letters say', () => {
    const region = rules('c 1:3 rw', 'c 226:0-127 r', 'b 8:0 rwm');
    const said = rules(...deviceAllowLines(region).map((line) => lineText(line).replace(/^\/dev\/(.)\w+\//, '$1 ')));
    expect(said.equals(region)).toBe(true);
  });
  test('never more than a person would run', () => {
    const many = space.unionAll([rules('c 1:0-99 r'), rules('c 3:0-99 r'), rules('c 5:0-99 r')]);
    expect(deviceAllowLines(many)).toHaveLength(MOST_LINES);
  });
});

describe('words for a shell', () => {
  test('plain words stay, others are quoted', () => {
    expect(shellWord('docker-1.scope')).toBe('docker-1.scope');
    expect(shellWord('DeviceAllow=/dev/char/1:3 rw')).toBe("'DeviceAllow=/dev/char/1:3 rw'");
    expect(shellWord("a'b; $(reboot)")).toBe("'a'\\''b; $(reboot)'");
    expect(shellWord('')).toBe("''");
  });
  test('control characters cannot be copied', () => {
    expect(() => shellWord('a\nreboot')).toThrow(RangeError);
  });
});
