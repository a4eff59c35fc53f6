import { SluiceError } from "../../../src/model/errors.ts";

/** An element of XML: its text, or its attributes and children by name. Text beside them is named `#text`. */
export type XmlNode = string | { readonly [name: string]: XmlNode | readonly XmlNode[] };

/** An event of the International Virtual Observatory Alliance (VOEvent 2.0), with attributes and elements named as there. */
export interface VoEvent {
  readonly ivorn: string;
  readonly role: string;
  readonly version: string;
  readonly Who?: XmlNode | undefined;
  readonly What?: XmlNode | undefined;
  readonly WhereWhen?: XmlNode | undefined;
  readonly How?: XmlNode | undefined;
  readonly Why?: XmlNode | undefined;
  readonly Citations?: XmlNode | undefined;
  readonly Description?: XmlNode | undefined;
  readonly Reference?: XmlNode | undefined;
}

/** The names that are attributes in VOEvent 2.0, where no element has the name of one (VOEvent-v2.0.xsd). */
const attributes: ReadonlySet<string> = new Set(
  (
    "cite coord_system_id dataType expires id importance ivorn meaning mimetype name probability relation role type ucd unit uri " +
    "utype value version"
  ).split(" "),
);
const namespace = "http://www.ivoa.net/xml/VOEvent/v2.0";
const names = { attributeNamePrefix: "", textNodeName: "#text", ignoreAttributes: false } as const;

/**
 * Reads an event of VOEvent from XML, with the package `fast-xml-parser`.
 *
 * @param xml - The document.
 * @returns The event; undefined when the document is none. Rejects with `ERR_MISSING_DEPENDENCY` without the package.
 *
 * @example
 * ```ts no-run
 * import { parseVoEvent } from "sluice/backends/kafka";
 *
 * const event = await parseVoEvent('<voe:VOEvent ivorn="ivo://gcn/1" role="test" version="2.0"/>');
 * console.log(event?.ivorn); // ivo://gcn/1
 * ```
 */
export async function parseVoEvent(xml: string): Promise<VoEvent | undefined> {
  const { XMLParser } = await loadXml();
  try {
    const parser = new XMLParser({ ...names, parseTagValue: false, parseAttributeValue: false });
    const document = parser.parse(xml, true) as Record<string, XmlNode>;
    const root = Object.keys(document).find((name) => /^(?:\w+:)?VOEvent$/.test(name));
    return root === undefined ? undefined : asVoEvent(document[root]);
  } catch {
    return undefined;
  }
}

/** What an older hop made of the XML, or what was parsed here: without namespaces. Undefined when it has no identity. */
export function asVoEvent(content: unknown): VoEvent | undefined {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return undefined;
  const own = Object.entries(content).filter(
    ([name]) => !name.includes(":") && name !== "xmlns" && !name.startsWith("_"),
  );
  const event = { role: "observation", version: "2.0", ...Object.fromEntries(own) } as unknown as VoEvent;
  const isSound = [event.ivorn, event.role, event.version].every((each) => typeof each === "string");
  return isSound ? event : undefined;
}

/**
 * Writes an event of VOEvent as XML, with the package `fast-xml-parser`.
 *
 * @param event - The event.
 * @returns The document. Rejects with `ERR_MISSING_DEPENDENCY` without the package.
 *
 * @example
 * ```ts no-run
 * import { formatVoEvent } from "sluice/backends/kafka";
 *
 * console.log(await formatVoEvent({ ivorn: "ivo://gcn/1", role: "test", version: "2.0" }));
 * ```
 */
export async function formatVoEvent(event: VoEvent): Promise<string> {
  const { XMLBuilder } = await loadXml();
  const builder = new XMLBuilder({ ...names, attributeNamePrefix: "@", suppressEmptyNode: true });
  const root = { "@xmlns:voe": namespace, ...(markAttributes({ ...event } as unknown as XmlNode) as object) };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${String(builder.build({ "voe:VOEvent": root }))}`;
}

function markAttributes(node: XmlNode | readonly XmlNode[]): unknown {
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) return (node as readonly XmlNode[]).map(markAttributes);
  const entries = Object.entries(node as Readonly<Record<string, XmlNode>>).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [attributes.has(name) ? `@${name}` : name, markAttributes(value)]),
  );
}

async function loadXml() {
  try {
    return await import("fast-xml-parser");
  } catch (cause) {
    const problem = 'VOEvent needs the package "fast-xml-parser": npm install fast-xml-parser';
    throw new SluiceError("ERR_MISSING_DEPENDENCY", problem, { cause, details: { package: "fast-xml-parser" } });
  }
}
