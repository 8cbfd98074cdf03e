/** Single operations with known results: this kernel, the interpreter and the evaluator. Operations that this kernel does not know are facts, not checks. */
import { strict as assert } from 'node:assert';
import { decode } from '../../../src/ebpf/decode.js';
import type { DeviceRequest } from '../../../src/policy/types.js';
import { type AluVector, readAluVectors } from '../../ebpf/alu-vectors.js';
import { EXIT, imm64, join, mov, slot } from '../../ebpf/bytes.js';
import { NO_ENVIRONMENT } from '../../kernel/fuzz.js';
import { evaluator, interpreter } from '../../kernel/judges.js';
import { LoaderError } from '../../kernel/loader-process.js';
import { type Cgroup, FLAGS, type Referee } from '../../kernel/referee.js';
import type { Guest, Suite } from './suite.js';

const REQUEST: DeviceRequest = { type: 'c', access: 2, major: 1, minor: 3 };

/** Programs that allow, and that deny, exactly if the operation gives the vector's result. Without context: the result is the verdict. */
function programsOf({ bytes, dst, src, expected }: AluVector): [allowing: Uint8Array, denying: Uint8Array] {
  const operands = [imm64(0, dst), imm64(1, src)];
  if (typeof expected === 'boolean') {
    const [taken, not] = expected ? [1, 0] : [0, 1];
    return [
      join(...operands, bytes, mov(0, not), EXIT, mov(0, taken), EXIT),
      join(...operands, bytes, mov(0, taken), EXIT, mov(0, not), EXIT),
    ];
  }
  const compare = (value: bigint): Uint8Array =>
    join(...operands, bytes, imm64(2, value), slot(0x1d, { src: 2, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT);
  return [compare(expected), compare(expected ^ (1n << 63n))];
}

/** "allow" or "deny" by the kernel and both of ours; null if the verifier refuses the instruction. */
async function answers(referee: Referee, cgroup: Cgroup, bytes: Uint8Array): Promise<string[] | null> {
  try {
    const program = await referee.load(bytes);
    await referee.attach(cgroup, program, { flags: FLAGS.OVERRIDE });
    const [kernel = ''] = await referee.verdicts(cgroup, [REQUEST]);
    const decoded = decode((await referee.info(program)).xlated, 'little');
    await referee.close(program);
    return [kernel, ...[interpreter, evaluator()].map((judge) => judge.prepare(decoded, NO_ENVIRONMENT)(REQUEST))];
  } catch (error) {
    if (error instanceof LoaderError && error.log !== '') return null;
    throw error;
  }
}

async function run({ referee, check, fact }: Guest): Promise<void> {
  const cgroup = await referee.createCgroup('arithmetic');
  const unknown: string[] = [];
  for (const vector of readAluVectors()) {
    const [allowing, denying] = programsOf(vector);
    await check(vector.name, async () => {
      const first = await answers(referee, cgroup, allowing);
      if (first === null) {
        unknown.push(/^[A-Z0-9]+/.exec(vector.name)?.[0] ?? vector.name);
        return;
      }
      assert.deepEqual(first, ['allow', 'allow', 'allow']);
      assert.deepEqual(await answers(referee, cgroup, denying), ['deny', 'deny', 'deny']);
    });
  }
  // Sign-extending moves, signed division and unconditional byte swaps came together (6.6); nothing else may be refused.
  await check('only instructions of version 4 are refused', () => {
    assert.deepEqual(
      unknown.filter((name) => !/^(SDIV|SMOD|MOVSX|BSWAP)/.test(name)),
      [],
    );
    return Promise.resolve();
  });
  fact('operations the verifier refuses', unknown.length === 0 ? 'none' : [...new Set(unknown)].join(' '));
  await referee.removeCgroup(cgroup);
}

export const arithmetic: Suite = { name: 'arithmetic', run };
