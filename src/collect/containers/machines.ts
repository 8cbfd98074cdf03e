import type { Draft, EngineContext } from './draft.js';
import { isWanted, listed, textAt } from './draft.js';
import { ownerOfCgroup, ownerOfPayload } from './identity.js';

/** Machines that systemd-machined knows (nspawn, libvirt), and those whose cgroup says that they are some. What was meant stands in their unit's settings. */
export function machines(context: EngineContext): Draft[] {
  const registered = listed(context, '/run/systemd/machines').flatMap((name) => registeredMachine(context, name));
  const known = new Set(registered.map((draft) => draft.id));
  const found = new Map<string, Draft>();
  for (const path of context.cgroups) {
    const component = path.slice(path.lastIndexOf('/') + 1);
    const owner = ownerOfCgroup(component) ?? ownerOfPayload(path);
    if (owner === null || owner.engine === 'lxc' || known.has(owner.name) || found.has(owner.name)) continue;
    if (!isWanted(context, owner.name, [owner.name, component])) continue;
    found.set(
      owner.name,
      draftOf(owner.engine, owner.name, { located: context.initIn(path), pid: null, startedAt: null }),
    );
  }
  return [...registered, ...found.values()];
}

/** /run/systemd/machines/NAME: KEY=value lines, written by machined. Its other entries, "unit:SCOPE", are links to the same files. */
function registeredMachine(context: EngineContext, name: string): Draft[] {
  if (name.startsWith('unit:') || !isWanted(context, name, [name])) return [];
  const text = textAt(context, `/run/systemd/machines/${name}`);
  if (text === null) return [];
  const field = (key: string): string | null =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.replace(/^"|"$/g, '') ?? null;
  const leader = Number(field('LEADER'));
  const engine = /libvirt|qemu/.test(field('SERVICE') ?? '') ? 'libvirt' : 'nspawn';
  const microseconds = Number(field('REALTIME'));
  const startedAt = microseconds > 0 && microseconds < 8e18 ? new Date(microseconds / 1000).toISOString() : null;
  return [draftOf(engine, name, { pid: Number.isInteger(leader) ? leader : null, startedAt })];
}

function draftOf(
  engine: string,
  name: string,
  facts: Pick<Draft, 'pid' | 'startedAt'> & Partial<Pick<Draft, 'located'>>,
): Draft {
  return {
    engine,
    runtime: null,
    id: name,
    names: [name],
    namespace: null,
    kubernetes: null,
    startTicks: null,
    cgroup: null,
    userNamespace: null,
    sources: [],
    ...facts,
  };
}
