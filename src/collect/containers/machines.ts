import type { Draft, EngineContext } from './draft.js';
import { isWanted, listed, textAt } from './draft.js';
import { domainOfMachine, ownerOfCgroup, ownerOfPayload } from './identity.js';

/** Machines that systemd-machined knows (nspawn, libvirt), and those whose cgroup says that they are some. What was meant stands in their unit's settings. */
export function machines(context: EngineContext): Draft[] {
  const domains = libvirtDomains(context);
  const registered = listed(context, '/run/systemd/machines').flatMap((name) =>
    registeredMachine(context, name, domains),
  );
  const known = new Set(registered.map((draft) => draft.id));
  const found = new Map<string, Draft>();
  for (const path of context.cgroups) {
    const component = path.slice(path.lastIndexOf('/') + 1);
    const owner = ownerOfCgroup(component) ?? ownerOfPayload(path);
    if (owner === null || owner.engine === 'lxc') continue;
    const id = owner.machine ?? owner.name;
    if (known.has(id) || found.has(id)) continue;
    const names = owner.machine === undefined ? [owner.name] : [domainName(owner.name, domains), owner.machine];
    if (!isWanted(context, id, [...names, component])) continue;
    // A virtual machine is a process of the host's own pid namespace: no process of it is number 1.
    const located = context.initIn(path) ?? (owner.engine === 'libvirt' ? context.firstIn(path) : null);
    found.set(id, draftOf(owner.engine, id, names, { located, pid: null, startedAt: null }));
  }
  return [...registered, ...found.values()];
}

/** /run/systemd/machines/NAME: KEY=value lines, written by machined. Its other entries, "unit:SCOPE", are links to the same files. */
function registeredMachine(context: EngineContext, name: string, domains: readonly string[]): Draft[] {
  if (name.startsWith('unit:')) return [];
  const text = textAt(context, `/run/systemd/machines/${name}`);
  if (text === null) return [];
  const field = (key: string): string | null =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.replace(/^"|"$/g, '') ?? null;
  const leader = Number(field('LEADER'));
  const engine = /libvirt|qemu/.test(field('SERVICE') ?? '') ? 'libvirt' : 'nspawn';
  const domain = engine === 'libvirt' ? domainOfMachine(name) : null;
  const names = domain === null ? [name] : [domainName(domain, domains), name];
  if (!isWanted(context, name, names)) return [];
  const microseconds = Number(field('REALTIME'));
  const startedAt = microseconds > 0 && microseconds < 8e18 ? new Date(microseconds / 1000).toISOString() : null;
  return [draftOf(engine, name, names, { pid: Number.isInteger(leader) ? leader : null, startedAt })];
}

/** Names of the domains that run, by the files in which libvirt keeps their state. */
function libvirtDomains(context: EngineContext): string[] {
  return ['/run/libvirt/qemu', '/run/libvirt/lxc'].flatMap((directory) =>
    listed(context, directory).flatMap((name) => (name.endsWith('.xml') ? [name.slice(0, -'.xml'.length)] : [])),
  );
}

/** A domain's own name, as virsh has it: the one running domain of which libvirt would make that part of a machine's name. */
function domainName(part: string, domains: readonly string[]): string {
  if (domains.includes(part)) return part;
  const letters = (text: string): string => text.replace(/[^0-9A-Za-z]/g, '');
  const own = letters(part);
  const same = domains.filter((domain) => own !== '' && letters(domain) === own);
  return same.length === 1 ? (same[0] ?? part) : part;
}

function draftOf(
  engine: string,
  id: string,
  names: string[],
  facts: Pick<Draft, 'pid' | 'startedAt'> & Partial<Pick<Draft, 'located'>>,
): Draft {
  return {
    engine,
    runtime: null,
    id,
    names,
    namespace: null,
    kubernetes: null,
    startTicks: null,
    cgroup: null,
    userNamespace: null,
    sources: [],
    ...facts,
  };
}
