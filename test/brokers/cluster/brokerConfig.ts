import { users, type Keys } from "./credentials.ts";

/** The ports of one node, all on loopback. */
export interface NodePorts {
  readonly plain: number;
  /** Where nodes reach each other: no proxy stands in front of it. */
  readonly internal: number;
  readonly controller: number;
  readonly sasl: number;
  readonly tls: number;
}

/** What differs between clusters. */
export interface ConfigOptions {
  /** The port by which clients find a node at its plain listener. */
  readonly advertise: ((port: number) => number) | undefined;
  /** Properties beside those that every node has. */
  readonly properties: Readonly<Record<string, string>>;
}

/** The properties of one node: it is broker and controller at once, and small. */
export function brokerConfig(
  id: number,
  nodes: readonly NodePorts[],
  directory: string,
  keys: Keys,
  { advertise = (port) => port, properties }: ConfigOptions,
): string {
  const { plain, internal, controller, sasl, tls } = nodes[id]!;
  const replicas = String(Math.min(3, nodes.length));
  const host = "127.0.0.1";
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": String(id),
    "controller.quorum.voters": nodes.map((node, i) => `${i}@${host}:${node.controller}`).join(","),
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://${host}:${plain},INTERNAL://${host}:${internal},CONTROLLER://${host}:${controller},SASL://${host}:${sasl},TLS://${host}:${tls}`,
    "advertised.listeners": `PLAINTEXT://${host}:${advertise(plain)},INTERNAL://${host}:${internal},SASL://${host}:${sasl},TLS://${host}:${tls}`,
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL",
    "inter.broker.listener.name": "INTERNAL",
    "log.dirs": directory,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": nodes.length > 1 ? "2" : "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": replicas,
    "min.insync.replicas": nodes.length > 1 ? "2" : "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.assignment.interval.ms": "0",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.segment.delete.delay.ms": "100",
    "log.retention.check.interval.ms": "5000",
    // A node that is killed is missed soon.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "controlled.shutdown.enable": "false",
    ...saslConfig("sasl"),
    ...saslConfig("tls"),
    "listener.name.tls.ssl.keystore.location": keys.keyStore,
    "listener.name.tls.ssl.keystore.password": keys.password,
    "listener.name.tls.ssl.keystore.type": "PKCS12",
    ...properties,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

function saslConfig(listener: string): Record<string, string> {
  const of = `listener.name.${listener}`;
  const passwords = Object.entries(users).map(([user, password]) => `user_${user}="${password}"`);
  const modules = "org.apache.kafka.common.security";
  return {
    [`${of}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    [`${of}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required ${passwords.join(" ")};`,
    [`${of}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${of}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${of}.oauthbearer.sasl.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
}
