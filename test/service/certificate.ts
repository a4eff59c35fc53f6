import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

/** A certificate for this machine that is made for the test, as PEM and in files. */
export async function certificate(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), "sluice-tls-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const out = ["-subj", "/CN=localhost", "-addext", names, "-keyout", files.key, "-out", files.cert];
  execFileSync("openssl", [...args, ...out], { stdio: "ignore" });
  return { cert: await readFile(files.cert, "utf8"), key: await readFile(files.key, "utf8"), files };
}
