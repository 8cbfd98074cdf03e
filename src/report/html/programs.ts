import { DeviceNames } from '../../policy/names.js';
import type { Snapshot } from '../../snapshot/types.js';
import type { ProgramView } from '../../verify/programs.js';
import type { SubjectAnalysis } from '../../verify/types.js';
import { formatAge } from '../age.js';
import { shortPath } from '../paths.js';
import { policyParts } from '../policy-text.js';
import { programAge } from '../subject-json.js';
import { markup, type Markup } from './markup.js';
import { dataTable, ruleList } from './parts.js';

/** Programs by their bytes: runtimes load the same one again and again. */
export function programsSection(analyses: readonly SubjectAnalysis[], snapshot: Snapshot): Markup {
  const views = new Map(analyses.flatMap(({ programs }) => programs.map((view) => [keyOf(view), view] as const)));
  const groups = new Map<string, ProgramView[]>();
  for (const view of views.values()) {
    const bytes = view.record?.xlated ?? `id ${String(view.id)}`;
    groups.set(bytes, [...(groups.get(bytes) ?? []), view]);
  }
  const names = new DeviceNames({ nodes: snapshot.nodes, procDevices: snapshot.host.procDevices });
  return markup`<h2 id="programs">Device programs</h2>
<p>A request needs a yes from every program that applies to a cgroup: its own and those of the cgroups above.</p>
${[...groups.values()].map((group) => programPart(group, snapshot, names))}`;
}

const keyOf = ({ id, attachedAt }: ProgramView): string => `${String(id)} ${attachedAt ?? ''}`;

const MOST_ROWS = 10;

function programPart(views: readonly ProgramView[], snapshot: Snapshot, names: DeviceNames): Markup {
  const [first] = views;
  if (first === undefined) return markup``;
  const rows = views.slice(0, MOST_ROWS).map((view) => {
    const age = programAge(view, snapshot);
    return [
      view.id,
      view.attachedAt === null ? '?' : shortPath(view.attachedAt),
      `${view.author.name} (${view.author.confidence})`,
      age === null ? '-' : `${formatAge(age)} before this report`,
    ];
  });
  const more = views.length - rows.length;
  const size = first.slots === null ? '' : `, ${String(first.slots)} instructions`;
  const tag = first.record?.tag ?? null;
  const alone =
    first.alone === null
      ? markup`<p class="warn">UNREADABLE: ${first.problem ?? ''}</p>`
      : policyParts(' BY IT ALONE', first.alone).map(({ title, rules, notation, remainder }) =>
          ruleList(title, rules, notation, names, remainder),
        );
  return markup`<section><h3>${tag === null ? `Program ${String(first.id)}` : `Tag ${tag}`}${size}</h3>
${dataTable('Where it is attached', ['Id', 'Cgroup', 'Written by', 'Loaded'], rows)}${more > 0 ? markup`<p>and ${more} more</p>` : ''}
${alone}</section>
`;
}
