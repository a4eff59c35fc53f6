import type { PointerSegment } from "../jsonPointer.ts";
import type { LeafNode, ObjectNode, OrNode, PatternNode } from "./compilePattern.ts";

/** Why metadata does not match. @internal */
export interface Mismatch {
  /** The way to the field. Filled from its end, on the way back up, so that a match costs nothing. */
  readonly segments: PointerSegment[];
  /** What the field should have been. */
  readonly rule: string;
  /** What it is. */
  readonly value: unknown;
}

/** How many lists may sit directly inside each other. What lies deeper is not looked at. */
const maxListDepth = 64;

/** Compares metadata with a compiled pattern: undefined when it matches, else the deepest field that does not. @internal */
export function findMismatch(pattern: readonly PatternNode[], metadata: unknown): Mismatch | undefined {
  return checkFields(pattern, metadata, new Absences(metadata));
}

function checkFields(fields: readonly PatternNode[], value: unknown, absences: Absences): Mismatch | undefined {
  for (const field of fields) {
    const mismatch = checkField(field, value, absences);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

function checkField(field: PatternNode, value: unknown, absences: Absences): Mismatch | undefined {
  if (field.kind === "leaf") return checkLeaf(field, value, absences);
  if (field.kind === "object") return checkObject(field, value, absences);
  return checkOr(field, value, absences);
}

function checkLeaf(leaf: LeafNode, parent: unknown, absences: Absences): Mismatch | undefined {
  const value = ownProperty(parent, leaf.key);
  if (!Array.isArray(value)) {
    if (isLeafValue(value) && leaf.tests.some((test) => test(value))) return undefined;
  } else if (flatten(value).some(({ item }) => isLeafValue(item) && leaf.tests.some((test) => test(item)))) {
    return undefined;
  }
  if (leaf.mayBeAbsent && absences.has(leaf)) return undefined;
  return { segments: [leaf.key], rule: leaf.rule, value };
}

/** A list of objects matches when one of them matches on its own: fields of two elements are not put together. */
function checkObject(node: ObjectNode, parent: unknown, absences: Absences): Mismatch | undefined {
  const value = ownProperty(parent, node.key);
  if (!Array.isArray(value)) return under([node.key], checkFields(node.fields, value, absences));
  const items = flatten(value);
  // An empty list is like a missing field: only { exists: false } can be true of it.
  if (items.length === 0) return under([node.key], checkFields(node.fields, undefined, absences));
  return deepest(items, ({ item, path }) => under([node.key, ...path], checkFields(node.fields, item, absences)));
}

function checkOr(node: OrNode, value: unknown, absences: Absences): Mismatch | undefined {
  return deepest(node.alternatives, (fields) => checkFields(fields, value, absences));
}

/** Undefined as soon as one candidate matches, else the mismatch that got furthest. */
function deepest<T>(candidates: readonly T[], check: (candidate: T) => Mismatch | undefined): Mismatch | undefined {
  let result: Mismatch | undefined;
  for (const candidate of candidates) {
    const mismatch = check(candidate);
    if (mismatch === undefined) return undefined;
    if (result === undefined || mismatch.segments.length > result.segments.length) result = mismatch;
  }
  return result;
}

function under(path: readonly PointerSegment[], mismatch: Mismatch | undefined): Mismatch | undefined {
  mismatch?.segments.unshift(...path);
  return mismatch;
}

/**
 * Which fields are missing. `{ exists: false }` asks it of all elements of a list at once, as EventBridge does, so the
 * answer is found from the root; each is found once, or long lists would take quadratic time.
 */
class Absences {
  private readonly root: unknown;
  private readonly known = new Map<LeafNode, boolean>();

  constructor(root: unknown) {
    this.root = root;
  }

  has(leaf: LeafNode): boolean {
    const known = this.known.get(leaf) ?? !hasLeafAt([this.root], leaf.keys);
    this.known.set(leaf, known);
    return known;
  }
}

function hasLeafAt(roots: readonly unknown[], keys: readonly string[]): boolean {
  let values = roots;
  for (const key of keys) {
    values = values.flatMap((value) => {
      const child = ownProperty(value, key);
      return Array.isArray(child) ? flatten(child).map(({ item }) => item) : [child];
    });
  }
  return values.some(isLeafValue);
}

/** The items of a list and of the lists in it. Each list is entered once, so a list that contains itself has an end. */
function flatten(list: readonly unknown[]): { item: unknown; path: PointerSegment[] }[] {
  const found: { item: unknown; path: PointerSegment[] }[] = [];
  const entered = new Set<unknown>([list]);
  const enter = (items: readonly unknown[], parent: PointerSegment[]): void => {
    for (const [index, item] of items.entries()) {
      const path = [...parent, index];
      if (!Array.isArray(item)) {
        found.push({ item, path });
      } else if (!entered.has(item) && path.length < maxListDepth) {
        entered.add(item);
        enter(item, path);
      }
    }
  };
  enter(list, []);
  return found;
}

/** Only own properties count, so that a field named `constructor` is not found in every object. */
function ownProperty(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return undefined;
  return (value as Record<string, unknown>)[key];
}

function isLeafValue(value: unknown): boolean {
  return value !== undefined && (typeof value !== "object" || value === null);
}
