import { afterAll, beforeAll, it } from 'vitest';
import { readLoaded, withObject } from './c-programs.js';
import { Referee } from './referee.js';
import { evaluator } from './judges.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import { disassemble } from '../../src/ebpf/disassemble.js';
import { readdirSync } from 'node:fs';
let referee: Referee;
beforeAll(async () => { referee = await Referee.start({ libbpf: true }); });
afterAll(async () => { await referee.stop(); });
for (const source of readdirSync('test/fixtures/ebpf/c').filter(f=>f.endsWith('.c')))
it(source, async () => {
  await withObject(source, 'v3', async (o) => {
    const { programs } = await referee.loadElf(o);
    const by = new Map();
    for (const [n,h] of programs) { const one = await readLoaded(referee, h, by); by.set(h.id, one);
      if (process.env.LIST) for (const l of disassemble(one.program,{functionName:(i)=>one.environment.helpers.get(i)})) console.log(l.index+': '+l.text);
      const t=Date.now(); const judge = evaluator.prepare(one.program, one.environment); const t2=Date.now();
      const c: Record<string,number> = {}; 
      for (const major of [0,1,2,3,4,5,6,7,188]) for (const minor of [1,2,3,5,8,9,255,256,65536]) for (const access of [0,1,2,4,6]) {
        const r = {type:'c' as const, major, minor, access}; const a = judge(r);
        const b = interpret(one.program, one.environment, r); const bb = b.outcome==='undecided'?'undecided: '+b.reason: b.r0===1n?'allow':'deny';
        const k = a===bb? 'same '+a : `EV ${a} | INT ${bb}`; c[k]=(c[k]??0)+1; }
      console.log(source, n, one.program.instructions.length, (t2-t)+'ms', c);
    }
  });
});
