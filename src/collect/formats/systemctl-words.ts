/** What systemctl says instead of an answer, of a unit it does not know or a machine where systemd does not run. */
const SAID =
  /^(?:No files found for |Unit \S+ could not be found|System has not been booted with systemd|Failed to |Hint: )/;

/** True for captured output that holds no answer: nothing at all, or words of systemctl itself. Anything else that cannot be parsed is not its output. */
export function saysNothing(content: string): boolean {
  return content.split('\n').every((line) => line.trim() === '' || SAID.test(line));
}
