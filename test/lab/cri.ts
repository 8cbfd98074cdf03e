/**
 * The kubelet's side of Kubernetes' Container Runtime Interface, as much of it as starts a pod: gRPC over HTTP/2 on a Unix socket, messages in the protobuf
 * encoding. Field numbers are those of kubernetes/cri-api, pkg/apis/runtime/v1/api.proto (v1alpha2, which containerd 1.4 speaks, has the same).
 */
import http2 from 'node:http2';
import net from 'node:net';

/** A protobuf message as pairs of field number and value: a number is a varint, texts and messages are length-delimited. */
type Message = readonly (readonly [field: number, value: number | string | Message])[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function encode(message: Message): Buffer {
  return Buffer.concat(
    message.map(([field, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(field * 8), ...varint(value)]);
      const content = typeof value === 'string' ? Buffer.from(value) : encode(value);
      return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
    }),
  );
}

/** Field 1 as text, which is all that the answers used here have. */
function firstText(message: Buffer): string {
  if (message.length === 0) return '';
  if (message[0] !== 10) throw new Error(`an answer that does not begin with field 1: ${message.toString('hex')}`);
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = message[at++] ?? 0;
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  return message.subarray(at, at + length).toString();
}

export interface PodOptions {
  namespace: string;
  name: string;
  uid: string;
  /** "kubepods-besteffort-podUID.slice" under systemd's driver. */
  cgroupParent: string;
}
export interface PodContainer {
  name: string;
  image: string;
  command: readonly string[];
  devices?: readonly { host: string; container: string; permissions: string }[];
  privileged?: boolean;
}

export class CriClient {
  readonly #session: http2.ClientHttp2Session;
  readonly #service: string;

  /** @param socket path of containerd's socket, as this process sees it */
  constructor(socket: string, version: 'v1' | 'v1alpha2' = 'v1') {
    this.#session = http2.connect('http://localhost', { createConnection: () => net.connect(socket) });
    this.#service = `/runtime.${version}.RuntimeService`;
  }

  /** Starts a pod in the host's network, and its containers. Returns their ids by name, the pod's own as "POD". */
  async startPod(options: PodOptions, containers: readonly PodContainer[]): Promise<Record<string, string>> {
    const { name, uid, namespace, cgroupParent } = options;
    const ownNetwork: Message = [[1, 2]];
    const pod: Message = [
      [
        1,
        [
          [1, name],
          [2, uid],
          [3, namespace],
        ],
      ],
      [3, `/var/log/pods/${namespace}_${name}_${uid}`],
      [
        8,
        [
          [1, cgroupParent],
          [
            2,
            [
              [1, ownNetwork],
              [6, containers.some(({ privileged }) => privileged) ? 1 : 0],
            ],
          ],
        ],
      ],
    ];
    const sandbox = await this.#call('RunPodSandbox', [[1, pod]]);
    const ids: Record<string, string> = { POD: sandbox };
    for (const container of containers) {
      const config: Message = [
        [1, [[1, container.name]]],
        [2, [[1, container.image]]],
        ...container.command.map((word): Message[number] => [3, word]),
        ...(container.devices ?? []).map((device): Message[number] => [
          8,
          [
            [1, device.container],
            [2, device.host],
            [3, device.permissions],
          ],
        ]),
        [
          15,
          [
            [
              2,
              [
                [2, container.privileged === true ? 1 : 0],
                [3, ownNetwork],
              ],
            ],
          ],
        ],
      ];
      const id = await this.#call('CreateContainer', [
        [1, sandbox],
        [2, config],
        [3, pod],
      ]);
      await this.#call('StartContainer', [[1, id]]);
      ids[container.name] = id;
    }
    return ids;
  }

  #call(method: string, message: Message): Promise<string> {
    return new Promise((resolve, reject) => {
      const body = encode(message);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length, 1);
      const stream = this.#session.request({
        ':method': 'POST',
        ':path': `${this.#service}/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const parts: Buffer[] = [];
      let status: { code: unknown; text: unknown } | undefined;
      const note = (headers: http2.IncomingHttpHeaders): void => {
        if (headers['grpc-status'] !== undefined)
          status = { code: headers['grpc-status'], text: headers['grpc-message'] };
      };
      stream.on('response', note); // an error without an answer comes in the headers alone
      stream.on('trailers', note);
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('error', reject);
      stream.on('end', () => {
        if (status?.code === '0') resolve(firstText(Buffer.concat(parts).subarray(5)));
        else reject(new Error(`${method}: status ${String(status?.code)}: ${String(status?.text)}`));
      });
      stream.end(Buffer.concat([head, body]));
    });
  }

  close(): void {
    this.#session.close();
  }
}
