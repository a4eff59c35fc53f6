/** A JSON Schema, as far as the configuration of a service needs it. */
export interface ConfigSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly additionalProperties?: false | ConfigSchema;
  readonly propertyNames?: { readonly pattern: string };
  readonly required?: readonly string[];
  readonly items?: ConfigSchema;
  readonly minItems?: number;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly default?: string | number | boolean;
  /** Alternatives that the value of `type` tells apart. */
  readonly oneOf?: readonly ConfigSchema[];
}

const text = (description: string, more: Partial<ConfigSchema> = {}): ConfigSchema => ({
  description,
  type: "string",
  ...more,
});
const whole = (description: string, more: Partial<ConfigSchema> = {}): ConfigSchema => ({
  description,
  type: "integer",
  minimum: 0,
  ...more,
});
const list = (description: string, items: ConfigSchema, more: Partial<ConfigSchema> = {}): ConfigSchema => ({
  description,
  type: "array",
  items,
  ...more,
});
const table = (
  description: string,
  properties: Readonly<Record<string, ConfigSchema>>,
  required: readonly string[] = [],
): ConfigSchema => ({
  description,
  type: "object",
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});
const kind = (type: string): ConfigSchema => ({ description: "The kind.", type: "string", const: type });
const anyTable = (description: string): ConfigSchema => ({ description, type: "object" });

const name = "^[A-Za-z0-9._-]{1,249}$";
const port = (byDefault: number) => whole("0 takes a free one.", { maximum: 65_535, default: byDefault });
const host = text("The address to listen at. Beyond this machine it needs `tls` and `tokens`.", {
  default: "127.0.0.1",
});

const backend: ConfigSchema = {
  description: "A place where topics are stored.",
  oneOf: [
    table("In this process, and gone with it.", { type: kind("memory") }, ["type"]),
    table(
      "In a directory of the local disk.",
      {
        type: kind("log"),
        path: text("The directory."),
        durability: text("When an event counts as stored.", { enum: ["disk", "os"], default: "disk" }),
        segmentBytes: whole("The size at which a file is sealed and the next begun.", {
          minimum: 1,
          default: 67_108_864,
        }),
        encryption: table(
          "Encrypts events on the disk.",
          {
            keyId: text("The name of the key for new files.", { pattern: "^[A-Za-z0-9._-]{1,128}$" }),
            keys: text("The directory of the keys: one file for each, `<name>.key`, with 64 hexadecimal digits."),
          },
          ["keyId", "keys"],
        ),
        options: anyTable("Further options of the log."),
      },
      ["type", "path"],
    ),
    table(
      "Kafka, for programs and pages that cannot speak to it.",
      {
        type: kind("kafka"),
        url: text("The URL: kafka://host:port", { pattern: "^kafkas?:" }),
        options: anyTable("Options of the Kafka backend."),
      },
      ["type", "url"],
    ),
    table(
      "Any backend by its URL: another service, or one that a module has registered.",
      { type: kind("url"), url: text("The URL."), options: anyTable("Options of the backend.") },
      ["type", "url"],
    ),
  ],
};

const listener: ConfigSchema = {
  description: "Where clients connect.",
  oneOf: [
    table("TCP, or TLS where there is a certificate.", { type: kind("tcp"), host, port: port(7411) }, ["type"]),
    table("A Unix socket, for its owner alone.", { type: kind("unix"), path: text("The path of the socket's file.") }, [
      "type",
      "path",
    ]),
    table(
      "WebSocket, for web pages too. It also serves the live page, /metrics, /health and /status.",
      {
        type: kind("websocket"),
        host,
        port: port(7412),
        page: { description: "Whether the live page is served.", type: "boolean", default: true },
      },
      ["type"],
    ),
  ],
};

const rightList = (description: string) =>
  list(description, text("A right.", { enum: ["publish", "subscribe", "admin"] }));

const component = (description: string): ConfigSchema => ({
  description,
  type: "object",
  required: ["type"],
  properties: { type: text("The type, as for `sluice topic create`.") },
});

/** The configuration of `sluice serve`. `cli/service/config.schema.json` and the guide are made of it. */
export const configSchema: ConfigSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "A Sluice service",
  ...table("What `sluice serve` runs: backends, listeners, and who may do what. Paths are relative to the file.", {
    $schema: text("For editors: the path of this schema."),
    backends: {
      description:
        "Backends by a name of your own. The first is the one for new topics, unless `topics` says otherwise.",
      type: "object",
      propertyNames: { pattern: name },
      additionalProperties: backend,
    },
    topics: list(
      "Which backend new topics go to. The first rule that matches counts.",
      table(
        "A rule.",
        {
          match: text("The name of a topic; `*` at its end stands for whatever follows."),
          backend: text("The name of a backend."),
        },
        ["match", "backend"],
      ),
    ),
    create: list(
      "Topics that are created when the service starts, unless they are there.",
      table(
        "A topic.",
        {
          name: text("Its name.", { pattern: name }),
          partitions: whole("How many partitions.", { minimum: 1, maximum: 65_536, default: 1 }),
          validator: component("Its validator."),
          partitionSelector: component("Its partition selector."),
          serializer: component("Its serializer."),
          retention: table("What it may drop.", {
            maxBytes: whole("Bytes to keep in each partition."),
            maxAge: whole("Milliseconds to keep an event."),
            acknowledgedBy: list("What all of these consumers have acknowledged may go.", text("A consumer.")),
          }),
        },
        ["name"],
      ),
    ),
    ranks: whole(
      "How many processes share the partitions of topics in memory and in logs, each with a core of its own. Rank r listens at these ports plus r times the number of them.",
      { minimum: 1, maximum: 256, default: 1 },
    ),
    listeners: list("Where clients connect.", listener, { minItems: 1 }),
    tls: table(
      "The certificate, as files in PEM.",
      {
        cert: text("The certificate, with those in between."),
        key: text("Its key."),
        ca: text("When given, a client must show a certificate of one of these authorities."),
      },
      ["cert", "key"],
    ),
    tokens: list(
      "Who may connect. `sluice token` makes a token and its hash.",
      table("A token.", { user: text("Whose it is."), hash: text("Its hash.", { pattern: "^sha256:[0-9a-f]{64}$" }) }, [
        "user",
        "hash",
      ]),
    ),
    access: list(
      "Who may do what. What a rule denies no other allows, and what none allows is denied.",
      table(
        "A rule.",
        {
          users: list("Names of users; `*` for everybody.", text("A user.")),
          topics: list("Names of topics; `*` at the end stands for whatever follows.", text("A topic.")),
          allow: rightList("What they may do."),
          deny: rightList("What they may not do."),
        },
        ["users", "topics"],
      ),
    ),
    origins: list(
      "Origins of web pages that may connect, exactly as browsers send them. Pages of the service itself may.",
      text("An origin."),
    ),
    limits: table("What the service grants at the most.", {
      connections: whole("Connections in all.", { minimum: 1, default: 20_000 }),
      connectionsPerUser: whole("Connections of one user.", { minimum: 1, default: 20_000 }),
      connectionsPerAddress: whole("Connections from one address.", { minimum: 1, default: 20_000 }),
      streams: whole("Requests of one connection that may be unanswered.", { minimum: 1, default: 16_384 }),
      handshake: whole("Milliseconds in which a client says who it is.", { minimum: 1, default: 2000 }),
      topicWindow: whole("Unanswered bytes of one topic and connection.", { minimum: 1, default: 8 << 20 }),
      window: whole("Unanswered bytes of one connection.", { minimum: 1, default: 32 << 20 }),
      message: whole("Bytes of the largest batch.", { minimum: 1, default: 256 << 20 }),
      queued: whole("Bytes of answers that may wait for one connection.", { minimum: 1, default: 4 << 20 }),
      bytes: whole("Bytes of unanswered batches of all connections.", { minimum: 1, default: 1 << 30 }),
      bytesPerSecondPerUser: whole(
        "Bytes that one user may send in a second; more has to wait. No limit unless given.",
        {
          minimum: 1,
        },
      ),
      bytesPerSecondPerAddress: whole(
        "Bytes that may come from one address in a second; more has to wait. No limit unless given.",
        { minimum: 1 },
      ),
      stall: whole("Milliseconds for which a client may take nothing of what waits for it.", {
        minimum: 1,
        default: 30_000,
      }),
    }),
    leaseTime: whole("Milliseconds for which a client's partitions outlive its connection.", { default: 10_000 }),
    heartbeat: whole("Milliseconds of silence after which a client is asked whether it is there.", {
      minimum: 1,
      default: 15_000,
    }),
    groupFile: text("The file that tells clients where the service is. It is removed at the end.", {
      default: "sluice.json",
    }),
    log: table("What the service writes about itself, to stderr.", {
      level: text("The least that is written.", {
        enum: ["debug", "info", "warn", "error", "silent"],
        default: "info",
      }),
      format: text("JSON lines for programs, text for people; auto: text on a terminal.", {
        enum: ["auto", "json", "text"],
        default: "auto",
      }),
    }),
  }),
};
