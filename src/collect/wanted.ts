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

/** "docker:web/sub" may mean the container web, or its cgroup sub; "lxc:guest/docker:web" the container web in the container guest. */
function spellingsOf(target: string): string[] {
  const bare = target.replace(/^[a-z-]+:/, '').replace(/^\//, '');
  const first = bare.split('/')[0] ?? bare;
  const inner = bare.split('/').map((part) => part.replace(/^[a-z-]+:/, ''));
  return [...new Set([target, bare, first, ...inner])].filter((spelling) => spelling !== '');
}
