import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The releases of Apache Kafka that the suite runs on: the newest, and the last that still knows version 3. */
export const releases = { newest: "4.3.0", older: "3.9.2" } as const;

/** Jars and nothing else; it is not tracked. */
const cache = fileURLToPath(new URL("../../../.cache/kafka/", import.meta.url));

/**
 * The class path of a release of Apache Kafka. Its jars come from Maven Central, once.
 *
 * @param version - The release, as Maven calls it.
 * @throws Error when Maven cannot bring it, with what Maven said.
 */
export async function kafkaRelease(version: string): Promise<string> {
  const folder = join(cache, version);
  const jars = join(folder, "jars");
  if ((await readdir(jars).catch(() => [])).length === 0) await download(version, folder, jars);
  return join(jars, "*");
}

async function download(version: string, folder: string, jars: string): Promise<void> {
  const fresh = `${folder}-${process.pid}`; // Renamed when it is whole, so that a download that was cut short is not believed.
  await mkdir(fresh, { recursive: true });
  await writeFile(join(fresh, "pom.xml"), pomOf(version));
  const goal = ["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars"];
  try {
    await run("mvn", goal, { cwd: fresh });
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    const said = cause as { readonly stdout?: string; readonly message?: string };
    throw new Error(`Maven could not bring Apache Kafka ${version}: ${said.stdout || said.message}`, { cause });
  }
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder).catch(async () => rm(fresh, { recursive: true, force: true }));
  if ((await readdir(jars)).length === 0) throw new Error(`Maven brought no jar of Apache Kafka ${version}`);
}

function pomOf(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>brokers</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version>
  </dependency></dependencies>
</project>
`;
}
