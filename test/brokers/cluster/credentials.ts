import { execFileSync } from "node:child_process";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { alterUserScramCredentialsV0, Base, ScramMechanisms } from "@platformatic/kafka";

/** Who may come in through the listener that asks for a name and a password. */
export const users = { alice: "alicesecret", hop: "hopsecret" } as const;

/** What a certificate of the brokers' own is kept in. */
export interface Keys {
  /** The authority that clients trust, as PEM. */
  readonly ca: string;
  /** Certificate and key of the brokers, as a PKCS#12 file. */
  readonly keyStore: string;
  /** The password of both. */
  readonly password: string;
}

/** Makes a certificate for loopback, with the keytool of the Java that runs the brokers. */
export function makeKeys(directory: string): Keys {
  const password = "brokers-of-a-test";
  const [keyStore, ca] = [join(directory, "brokers.p12"), join(directory, "ca.pem")];
  const of = ["-keystore", keyStore, "-storepass", password, "-storetype", "PKCS12", "-alias", "broker"];
  const names = "san=dns:localhost,ip:127.0.0.1";
  const pair = [
    "-genkeypair",
    "-keyalg",
    "EC",
    "-groupname",
    "secp256r1",
    "-dname",
    "CN=localhost",
    "-validity",
    "3650",
  ];
  execFileSync("keytool", [...pair, "-ext", names, "-ext", "bc:c", ...of], { stdio: "pipe" });
  execFileSync("keytool", ["-exportcert", "-rfc", "-file", ca, ...of], { stdio: "pipe" });
  return { ca, keyStore, password };
}

const digests = [
  ["sha256", ScramMechanisms.SCRAM_SHA_256, 32],
  ["sha512", ScramMechanisms.SCRAM_SHA_512, 64],
] as const;

/** Makes the users known to SCRAM. PLAIN knows them from the configuration. */
export async function addUsers(brokers: readonly string[]): Promise<void> {
  const client = new Base({ clientId: "users", bootstrapBrokers: [...brokers] });
  try {
    const { controllerId } = await client.metadata({ topics: [] });
    const connection = (await client.connectToBrokers([controllerId])).values().next().value!;
    const iterations = 4096;
    // One request a mechanism: a request that names a user twice is refused.
    for (const [digest, mechanism, size] of digests) {
      const credentials = Object.entries(users).map(([name, password]) => {
        const salt = randomBytes(16);
        return {
          name,
          mechanism,
          iterations,
          salt,
          saltedPassword: pbkdf2Sync(password, salt, iterations, size, digest),
        };
      });
      await alterUserScramCredentialsV0.api.async(connection, [], credentials);
    }
  } finally {
    await client.close();
  }
}
