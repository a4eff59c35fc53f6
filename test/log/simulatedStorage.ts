import type { OpenMode, Storage, StorageFile } from "../../backends/log/index.ts";

interface FileNode {
  readonly kind: "file";
  bytes: Uint8Array;
  /** What a loss of power leaves for certain. */
  synced: Uint8Array;
  /** What has happened since. */
  pending: ({ readonly position: number; readonly bytes: Uint8Array } | { readonly size: number })[];
}

interface DirectoryNode {
  readonly kind: "directory";
  entries: Map<string, Node>;
  synced: Map<string, Node>;
}

type Node = FileNode | DirectoryNode;

const sector = 512;

/** What is done before an operation: a fault is thrown, or nothing happens. */
export type BeforeOperation = (operation: string, path: string) => void;

/** A file system in memory that knows what a loss of power would leave, and that can be told to fail. */
export class SimulatedStorage implements Storage {
  readonly root: DirectoryNode;
  before: BeforeOperation = () => {};

  constructor(root: DirectoryNode = directory()) {
    this.root = root;
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    this.before(`open ${mode}`, path);
    const { parent, name } = this.#parentOf(path);
    const known = parent.entries.get(name);
    if (mode === "create" && known !== undefined) throw systemError("EEXIST", path);
    if (mode === "create")
      parent.entries.set(name, { kind: "file", bytes: new Uint8Array(0), synced: new Uint8Array(0), pending: [] });
    const node = parent.entries.get(name);
    if (node?.kind !== "file") throw systemError("ENOENT", path);
    const file = this.#file(node, path);
    return mode === "writeThrough" ? { ...file, writev: this.#throughTo(node, path) } : file;
  }

  async list(path: string): Promise<string[]> {
    this.before("list", path);
    return [...this.#directory(path).entries.keys()];
  }

  async makeDirectory(path: string): Promise<void> {
    this.before("makeDirectory", path);
    let node = this.root;
    const parts = partsOf(path);
    for (const [i, name] of parts.entries()) {
      const known = node.entries.get(name);
      const next = known ?? directory();
      if (next.kind === "file") throw systemError("ENOTDIR", path);
      node.entries.set(name, next);
      // As on a real disk, only the names of what was made, and of the directory itself, are brought to it.
      if (known === undefined || i === parts.length - 1) node.synced.set(name, next);
      node = next;
    }
  }

  async syncDirectory(path: string): Promise<void> {
    this.before("syncDirectory", path);
    const node = this.#directory(path);
    node.synced = new Map(node.entries);
  }

  async rename(from: string, to: string): Promise<void> {
    this.before("rename", to);
    const [source, target] = [this.#parentOf(from), this.#parentOf(to)];
    const node = source.parent.entries.get(source.name);
    if (node === undefined) throw systemError("ENOENT", from);
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, node);
  }

  async unlink(path: string): Promise<void> {
    this.before("unlink", path);
    const { parent, name } = this.#parentOf(path);
    if (!parent.entries.delete(name)) throw systemError("ENOENT", path);
  }

  async removeDirectory(path: string): Promise<void> {
    this.before("removeDirectory", path);
    const { parent, name } = this.#parentOf(path);
    parent.entries.delete(name);
  }

  async lock(): Promise<() => Promise<void>> {
    return async () => {};
  }

  async ownerOf(): Promise<undefined> {}

  /** The bytes of a file, to look at or to change. */
  bytesOf(path: string): Uint8Array {
    const { parent, name } = this.#parentOf(path);
    const node = parent.entries.get(name);
    if (node?.kind !== "file") throw systemError("ENOENT", path);
    return node.bytes;
  }

  /** Puts other bytes into a file. */
  replace(path: string, bytes: Uint8Array): void {
    const { parent, name } = this.#parentOf(path);
    parent.entries.set(name, { kind: "file", bytes, synced: bytes, pending: [] });
  }

  /** Takes away what tells that the newest batches were answered, as if the process had been killed just before. */
  forgetAnswers(): this {
    for (const path of this.paths().filter((each) => each.endsWith("/head")))
      this.replace(path, this.bytesOf(path).slice(0, 8192));
    return this;
  }

  /** The paths of all files. */
  paths(): string[] {
    return pathsOf(this.root, "");
  }

  /** A copy, all of it on the disk. */
  copy(): SimulatedStorage {
    return new SimulatedStorage(copyOf(this.root) as DirectoryNode);
  }

  /** A copy, as a process that is started now finds it. What was not synced is in the memory of the system alone. */
  afterKill(): SimulatedStorage {
    return new SimulatedStorage(sameOf(this.root, new Map()) as DirectoryNode);
  }

  /** A copy after a loss of power. What was not synced is there or not, sector by sector, as the dice say. */
  afterPowerLoss(random: () => number): SimulatedStorage {
    return new SimulatedStorage(survivorOf(this.root, luckFrom(random)) as DirectoryNode);
  }

  #file(node: FileNode, path: string): StorageFile {
    return {
      writev: async (segments, position) => {
        this.before("writev", path);
        let at = position;
        for (const segment of segments) {
          node.bytes = put(node.bytes, at, segment);
          node.pending.push({ position: at, bytes: segment.slice() });
          at += segment.length;
        }
        return at - position;
      },
      read: async (target, position) => {
        this.before("read", path);
        const bytes = node.bytes.subarray(position, position + target.length);
        target.set(bytes);
        return bytes.length;
      },
      sync: async () => {
        try {
          this.before("sync", path);
        } catch (error) {
          node.pending = []; // The system takes the pages for clean from now on, and never writes them.
          throw error;
        }
        // What a sync that failed has forgotten is not brought to the disk by this one either.
        for (const change of node.pending)
          node.synced =
            "size" in change ? resized(node.synced, change.size) : put(node.synced, change.position, change.bytes);
        node.pending = [];
      },
      truncate: async (size) => {
        this.before("truncate", path);
        node.bytes = resized(node.bytes, size);
        node.pending.push({ size });
      },
      size: async () => node.bytes.length,
      close: async () => {},
    };
  }

  /**
   * A write that is on the disk when it resolves. What was written before it is not, nor is a length that another write gave the
   * file: as on ext4, bytes behind the length that is on the disk are lost then, synced or not. A length that was cut or
   * stretched to comes with it.
   */
  #throughTo(node: FileNode, path: string): StorageFile["writev"] {
    return async (segments, position) => {
      const before = node.pending.length;
      const length = node.bytes.length;
      const written = await this.#file(node, path).writev(segments, position);
      try {
        this.before("sync", path);
      } catch (error) {
        node.pending = []; // As after a sync that fails.
        throw error;
      }
      for (const change of node.pending.slice(0, before)) {
        if ("size" in change) node.synced = resized(node.synced, change.size);
      }
      const end = position + written;
      const safe = end > length ? end : Math.max(position, Math.min(end, node.synced.length));
      if (safe > position) node.synced = put(node.synced, position, node.bytes.subarray(position, safe));
      node.pending = node.pending.slice(0, before).filter((change) => !("size" in change));
      if (safe < end) node.pending.push({ position: safe, bytes: node.bytes.slice(safe, end) });
      return written;
    };
  }

  #directory(path: string): DirectoryNode {
    let node: Node = this.root;
    for (const name of partsOf(path)) {
      const next: Node | undefined = node.kind === "directory" ? node.entries.get(name) : undefined;
      if (next === undefined) throw systemError("ENOENT", path);
      node = next;
    }
    if (node.kind !== "directory") throw systemError("ENOTDIR", path);
    return node;
  }

  #parentOf(path: string): { parent: DirectoryNode; name: string } {
    const parts = partsOf(path);
    const name = parts.pop()!;
    return { parent: this.#directory(parts.join("/")), name };
  }
}

/** An error as the system gives it. It has no stack, as those of the system, and so costs little. */
export function systemError(code: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${path}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function directory(): DirectoryNode {
  return { kind: "directory", entries: new Map(), synced: new Map() };
}

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

function pathsOf(node: DirectoryNode, prefix: string): string[] {
  return [...node.entries].flatMap(([name, each]) =>
    each.kind === "file" ? [`${prefix}/${name}`] : pathsOf(each, `${prefix}/${name}`),
  );
}

function put(target: Uint8Array, position: number, bytes: Uint8Array): Uint8Array {
  const result = position + bytes.length > target.length ? resized(target, position + bytes.length) : target.slice();
  result.set(bytes, position);
  return result;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}

function copyOf(node: Node): Node {
  if (node.kind === "file") return { kind: "file", bytes: node.bytes.slice(), synced: node.bytes.slice(), pending: [] };
  const entries = new Map([...node.entries].map(([name, each]) => [name, copyOf(each)]));
  return { kind: "directory", entries, synced: new Map(entries) };
}

function sameOf(node: Node, known: Map<Node, Node>): Node {
  const made = known.get(node);
  if (made !== undefined) return made;
  if (node.kind === "file") {
    const copy: FileNode = { ...node, pending: [...node.pending] };
    known.set(node, copy);
    return copy;
  }
  const copy: DirectoryNode = { kind: "directory", entries: new Map(), synced: new Map() };
  known.set(node, copy); // A name that is on the disk stands for the same directory as the one in memory.
  for (const [name, each] of node.entries) copy.entries.set(name, sameOf(each, known));
  for (const [name, each] of node.synced) copy.synced.set(name, sameOf(each, known));
  return copy;
}

/** How much of what was not synced a loss of power leaves: of names, of bytes, and of the lengths of files. */
interface Luck {
  readonly random: () => number;
  readonly names: number;
  readonly bytes: number;
  readonly lengths: number;
}

/** Some disks have written nearly everything, some nearly nothing, and some the one and not the other. */
function luckFrom(random: () => number): Luck {
  const share = () => [0, 1, random(), random()][Math.floor(random() * 4)]!;
  return { random, names: share(), bytes: share(), lengths: share() };
}

function survivorOf(node: Node, luck: Luck): Node {
  if (node.kind === "file") return fileSurvivorOf(node, luck);
  const names = new Set([...node.synced.keys(), ...node.entries.keys()]);
  const entries = new Map<string, Node>();
  for (const name of names) {
    const [synced, current] = [node.synced.get(name), node.entries.get(name)];
    const survivor = synced === current || luck.random() >= luck.names ? synced : current;
    if (survivor !== undefined) entries.set(name, survivorOf(survivor, luck));
  }
  return { kind: "directory", entries, synced: new Map(entries) };
}

function fileSurvivorOf(node: FileNode, luck: Luck): FileNode {
  let bytes: Uint8Array = node.synced.slice();
  const share = luck.random() < 0.5 ? luck.bytes : luck.random();
  for (const change of node.pending) {
    if ("size" in change) {
      if (luck.random() < share) bytes = resized(bytes, change.size);
      continue;
    }
    // The length may be written before the bytes: zeros are there then.
    if (luck.random() < luck.lengths)
      bytes = resized(bytes, Math.max(bytes.length, change.position + change.bytes.length));
    for (let at = 0; at < change.bytes.length;) {
      const end = Math.min(change.bytes.length, at + sector - ((change.position + at) % sector));
      if (luck.random() < share) bytes = put(bytes, change.position + at, change.bytes.subarray(at, end));
      at = end;
    }
  }
  return { kind: "file", bytes, synced: bytes.slice(), pending: [] };
}
