import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/index.js';
import { createRun } from '../../src/pipeline.js';
import { CAPTURES, DETONATED, devpolicy } from './run.js';

const cases = readdirSync(CAPTURES, { recursive: true, encoding: 'utf8' })
  .filter((name) => statSync(join(CAPTURES, name)).isDirectory())
  .filter((name) => readdirSync(join(CAPTURES, name)).includes('case.json'))
  .sort();

describe('show --explain', () => {
  test.each(cases)('of %s explains all of the policy, each part with a request of it', (name) => {
    const run = createRun(snapshotFromDirectory(join(CAPTURES, name)));
    const subject = run.subjects()[0]!;
    const { enforced } = run.analyse(subject);
    const explanation = run.explain(subject);
    if (enforced.status !== 'known') {
      expect(explanation).toBeNull();
      return;
    }
    const { reasons, left } = explanation!;
    expect(left).toBe(0);
    const { allowed, denied } = enforced.policy;
    const { space } = allowed;
    const of = (verdict: string) =>
      space.unionAll(reasons.filter((each) => each.verdict === verdict).map(({ region }) => region));
    const asked = space.neverAsked.complement();
    expect(of('allow').intersect(asked).equals(allowed.intersect(asked))).toBe(true);
    expect(of('deny').equals(denied)).toBe(true);
    for (const { verdict, region, request, decision, deniedBy } of reasons) {
      expect(region.contains(request)).toBe(true);
      expect(decision.verdict).toBe(verdict);
      const verdicts = decision.steps.map((step) => step.verdict);
      if (verdict === 'allow') expect(verdicts).not.toContain('deny');
      if (deniedBy !== null) expect(verdicts.indexOf('deny')).toBe(deniedBy);
    }
  });

  test('the land mine: systemd denies what runc allows, by the one major number it knows', async () => {
    const { status, stdout } = await devpolicy(['--snapshot', DETONATED, 'show', '--explain']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/DENY +c 1:3,5,7-9 \{r,w,rw\} {2}\(the first to deny it: 48341 systemd\)/);
    expect(stdout).toMatch(
      /c 1:3 rw +48341 +systemd +DENIES +insn 17: `if r4 != 0x88` \(major is 1, not 136\) -> exit at 22/,
    );
    const plain = await devpolicy(['--snapshot', DETONATED, 'show']);
    expect(stdout.startsWith(plain.stdout)).toBe(true);
    expect(plain.stdout).not.toContain('WHY');
  });
});
