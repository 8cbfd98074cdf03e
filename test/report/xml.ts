/** A strict reader of the XML that reports are written in: elements, attributes, text, the five entities. Anything else, or ill-formed, throws. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const TOKEN = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;

export function parseXml(text: string): XmlElement {
  const body = text.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  const top: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < body.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(body);
    if (match === null) throw new Error(`not well-formed at ${String(at)}: ${JSON.stringify(body.slice(at, at + 40))}`);
    const [, closing = '', name = '', attributes = '', empty = '', content = ''] = match;
    const current = open.at(-1) ?? top;
    if (name === '') current.text += unescape(content);
    else if (closing === '/') {
      if (current.name !== name || open.length === 1) throw new Error(`</${name}> closes <${current.name}>`);
      open.pop();
    } else {
      const element: XmlElement = { name, attributes: readAttributes(attributes), children: [], text: '' };
      current.children.push(element);
      if (empty === '') open.push(element);
    }
  }
  const [root, ...more] = top.children;
  if (open.length !== 1 || root === undefined || more.length > 0 || top.text.trim() !== '')
    throw new Error('not one closed root element');
  return root;
}

function readAttributes(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    if (Object.hasOwn(attributes, name)) throw new Error(`attribute ${name} twice`);
    attributes[name] = unescape(value);
  }
  return attributes;
}

/** XML 1.0, section 2.2: most control characters may not occur at all. */
function unescape(text: string): string {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u.test(text))
    throw new Error('forbidden character');
  return text.replace(/&([^;]*;)?/g, (_all, entity: string | undefined) => {
    const character = ENTITIES[entity?.slice(0, -1) ?? ''];
    if (character === undefined) throw new Error(`unknown entity &${entity ?? ''}`);
    return character;
  });
}
