import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Base } from "@platformatic/kafka";
import { brokerConfig, type NodePorts } from "./brokerConfig.ts";
import { addUsers, makeKeys } from "./credentials.ts";
import { kafkaRelease, releases } from "./kafkaRelease.ts";

const run = promisify(execFile);

/** How a cluster is made. */
export interface ClusterOptions {
  /** How many nodes, each of them broker and controller. @default 1 */
  readonly nodes?: number;
  /** The release of Apache Kafka. @default the newest that the suite knows */
  readonly version?: string;
  /** Megabytes of heap for each node. @default 320 */
  readonly heap?: number;
  /** Whether the compiler of the Java machine is to take its time: slow to start and fast to run. @default "start" */
  readonly fast?: "start" | "run";
  /** The port by which clients find a node, when they come through a proxy. @default its own */
  readonly advertise?: (port: number) => number;
  /** Properties of the brokers beside those that they need. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Real brokers on loopback. */
export interface Cluster {
  readonly version: string;
  /** `host:port` of each node. */
  readonly brokers: readonly string[];
  /** The same of the listeners by which nodes reach each other: who begins there meets no proxy. */
  readonly directBrokers: readonly string[];
  /** The same of the listeners that want a name and a password. */
  readonly saslBrokers: readonly string[];
  /** The same of the listeners that want TLS as well. */
  readonly tlsBrokers: readonly string[];
  /** The file of the authority that signed the brokers' certificate. */
  readonly ca: string;
  /** Sends a signal to the machine of one node. */
  signal(node: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts a node that was killed, on what it has on its disk. */
  restart(node: number): Promise<void>;
  /** Ends every node and removes what it has stored. */
  stop(): Promise<void>;
}

/** Ends the broker when its standard input ends, so that it does not outlive the process that started it. */
const guard = `exec 3<&0; java "$@" </dev/null & pid=$!; echo $pid > "$PID_FILE"
(cat <&3 >/dev/null; kill -9 $pid 2>/dev/null) & wait $pid`;

/** Starts a cluster and waits until all its nodes answer. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const {
    nodes: count = 1,
    version = releases.newest,
    heap = 320,
    fast = "start",
    properties = {},
    advertise,
  } = options;
  const classPath = await kafkaRelease(version);
  const directory = await mkdtemp(join(tmpdir(), "sluice-brokers-"));
  const nodes = await freePorts(count);
  const machine = [
    `-Xms128m`,
    `-Xmx${heap}m`,
    "-XX:+UseSerialGC",
    ...(fast === "start" ? ["-XX:TieredStopAtLevel=1"] : []),
    "-cp",
    classPath,
  ];
  const children: (ChildProcess | undefined)[] = [];
  const configs = nodes.map((_, id) => join(directory, `node-${id}.properties`));
  const keys = makeKeys(directory);
  for (const [id, file] of configs.entries()) {
    await mkdir(join(directory, `node-${id}`));
    await writeFile(file, brokerConfig(id, nodes, join(directory, `node-${id}`), keys, { advertise, properties }));
  }
  // An id that begins with a dash would be taken for an option of the tool.
  const id = Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64url").replace(/^-/, "A");
  await Promise.all(configs.map((file) => format(machine, id, file)));

  const start = (node: number) => {
    const log = openSync(join(directory, `node-${node}.log`), "a");
    children[node] = spawn("sh", ["-c", guard, "sh", ...machine, "kafka.Kafka", configs[node]!], {
      stdio: ["pipe", log, log],
      env: { ...process.env, PID_FILE: join(directory, `node-${node}.pid`) },
    });
    closeSync(log);
  };
  const end = async (node: number) => {
    const child = children[node];
    children[node] = undefined;
    if (child === undefined || hasEnded(child)) return;
    const exited = once(child, "exit");
    child.stdin?.end();
    await exited;
  };
  const stop = async () => {
    await Promise.all(nodes.map((_, node) => end(node)));
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const logOf = (node: number) => readFile(join(directory, `node-${node}.log`), "utf8").catch(() => "");

  nodes.forEach((_, node) => start(node));
  const address = (port: number) => `127.0.0.1:${port}`;
  const brokers = nodes.map(({ plain }) => address(plain));
  const direct = nodes.map(({ internal }) => address(internal));
  try {
    await untilReady(direct, count, () => children.findIndex(hasEnded));
    await addUsers(direct);
  } catch (error) {
    const last = (await Promise.all(nodes.map((_, node) => logOf(node)))).map((text) => text.slice(-2000)).join("\n");
    await stop();
    throw new Error(`The brokers of Apache Kafka ${version} did not start: ${String(error)}\n${last}`, {
      cause: error,
    });
  }
  return {
    version,
    brokers,
    directBrokers: direct,
    saslBrokers: nodes.map(({ sasl }) => address(sasl)),
    tlsBrokers: nodes.map(({ tls }) => address(tls)),
    ca: keys.ca,
    signal: async (node, signal) => {
      const pid = Number(await readFile(join(directory, `node-${node}.pid`), "utf8"));
      const exited = signal === "SIGKILL" ? once(children[node]!, "exit") : undefined;
      process.kill(pid, signal);
      await exited;
    },
    restart: async (node) => {
      await end(node);
      start(node);
      await untilReady([direct[node]!], count, () => (hasEnded(children[node]) ? node : -1));
    },
    stop,
  };
}

async function format(machine: readonly string[], id: string, file: string): Promise<void> {
  await run("java", [...machine, "kafka.tools.StorageTool", "format", "-t", id, "-c", file]);
}

function hasEnded(child: ChildProcess | undefined): boolean {
  return child !== undefined && (child.exitCode !== null || child.signalCode !== null);
}

/**
 * Waits until a broker knows of all nodes. A broker tells nobody that it is ready, so it is asked, less and less often: a machine
 * that is busy with starting Java has better things to do.
 */
async function untilReady(brokers: string[], count: number, exited: () => number): Promise<void> {
  const until = Date.now() + 90_000;
  for (let wait = 50; ; wait = Math.min(2 * wait, 800)) {
    const gone = exited();
    if (gone >= 0) throw new Error(`node ${gone} has ended`);
    const client = new Base({ clientId: "readiness", bootstrapBrokers: brokers, retries: 0, timeout: 2000 });
    try {
      const { brokers: known } = await client.metadata({ topics: [], forceUpdate: true });
      if (known.size >= count) return;
    } catch (error) {
      if (Date.now() > until) throw error;
    } finally {
      await client.close();
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Ports that nobody listens on. All are held at once while they are being asked for, so that none is given twice. */
async function freePorts(nodes: number): Promise<NodePorts[]> {
  const servers = Array.from({ length: nodes * 5 }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Array.from({ length: nodes }, (_, i) => {
    const [plain, internal, controller, sasl, tls] = ports.slice(i * 5, i * 5 + 5) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return { plain, internal, controller, sasl, tls };
  });
}
