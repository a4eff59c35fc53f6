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
    return this.#file(node, path);
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
    return new SimulatedStorage(survivorOf(this.root, random) as DirectoryNode);
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
        node.synced = node.bytes.slice();
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

/** An error as the system gives it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
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
  const copies = (entries: Map<string, Node>) =>
    new Map([...entries].map(([name, each]) => [name, sameOf(each, known)]));
  return { kind: "directory", entries: copies(node.entries), synced: copies(node.synced) };
}

function survivorOf(node: Node, random: () => number): Node {
  if (node.kind === "file") return fileSurvivorOf(node, random);
  const names = new Set([...node.synced.keys(), ...node.entries.keys()]);
  const entries = new Map<string, Node>();
  for (const name of names) {
    const [synced, current] = [node.synced.get(name), node.entries.get(name)];
    const survivor = synced === current || random() < 0.5 ? synced : current;
    if (survivor !== undefined) entries.set(name, survivorOf(survivor, random));
  }
  return { kind: "directory", entries, synced: new Map(entries) };
}

function fileSurvivorOf(node: FileNode, random: () => number): FileNode {
  let bytes: Uint8Array = node.synced.slice();
  const share = random(); // Some disks have written nearly everything, some nearly nothing.
  for (const change of node.pending) {
    if ("size" in change) {
      if (random() < share) bytes = resized(bytes, change.size);
      continue;
    }
    for (let at = 0; at < change.bytes.length;) {
      const end = Math.min(change.bytes.length, at + sector - ((change.position + at) % sector));
      if (random() < share) bytes = put(bytes, change.position + at, change.bytes.subarray(at, end));
      at = end;
    }
  }
  return { kind: "file", bytes, synced: bytes.slice(), pending: [] };
}
