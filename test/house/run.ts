import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a program left behind. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  /** Both streams in the order they came, for a person to read. */
  readonly output: string;
}

/** Runs a program of node_modules/.bin, or any other on the path, and waits for its end. */
export function run(program: string, args: readonly string[], cwd: string = root): Promise<Outcome> {
  const path = [join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
  const env = { ...process.env, PATH: path, NO_COLOR: "1", FORCE_COLOR: "0", NODE_OPTIONS: "" };

  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, output }));
  });
}

/** Those of the source folders that exist below `folder`. */
export function sourceFolders(folder: string = root): string[] {
  const all = ["src", "operators", "backends", "cli", "test", "examples", "bench"];
  return all.filter((name) => existsSync(join(folder, name)));
}
