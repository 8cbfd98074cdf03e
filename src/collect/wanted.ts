/**
 * A loose test of whether a container may be one that was asked for. Targets are written in many ways ("docker:web", an id's beginning, "ns/pod/container"); which one
 * exactly is meant is decided later, on the containers that were read.
 */
export function matcherOf(targets: readonly string[]): (container: { id: string; names: string[] }) => boolean {
  const spellings = targets.flatMap(spellingsOf);
  return ({ id, names }) =>
    spellings.some(
      (spelling) =>
        names.includes(spelling) || (spelling.length > 0 && id.startsWith(spelling)) || spelling.includes(id),
    );
}

/** "docker:web/sub" may mean the container web, or its cgroup sub. */
function spellingsOf(target: string): string[] {
  const bare = target.replace(/^[a-z-]+:/, '').replace(/^\//, '');
  const first = bare.split('/')[0] ?? bare;
  return [...new Set([target, bare, first])].filter((spelling) => spelling !== '');
}
