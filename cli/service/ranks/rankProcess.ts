import { makeLogger } from "../logger.ts";
import type { LoadedConfig } from "../serviceConfig.ts";
import type { RankCounts } from "../counts.ts";
import { openRank, type OpenRank } from "./openRank.ts";
import type { FromRank, ToRank } from "./rankMessages.ts";

// One rank of a service. It does what the process that has started it says, and ends with it.

let rank: OpenRank | undefined;
let addresses: readonly (readonly string[])[] = [];
/** Those who wait to hear what the other ranks have counted, by the number of their question. */
const questions = new Map<number, (counts: readonly RankCounts[]) => void>();
let asked = 0;

function tell(message: FromRank): void {
  process.send?.(message);
}

async function obey(message: ToRank): Promise<void> {
  switch (message.type) {
    case "open": {
      const { config, log, folder, service } = message;
      const logger = makeLogger({ stderr: process.stderr, env: process.env }, log).child({ rank: message.rank });
      rank = await openRank({ config, rank: message.rank, folder, service, logger });
      return tell({ type: "opened" });
    }
    case "serve": {
      const { listeners, origins } = message;
      const served = await rank!.serve({ listeners, origins, addresses: () => addresses, others });
      return tell({ type: "serving", addresses: served });
    }
    case "addresses":
      addresses = message.addresses;
      return;
    case "reload":
      return tell({ type: "reloaded", ...(await reload(message.config)) });
    case "count":
      return tell({ type: "counted", counts: rank!.counts() });
    case "others":
      questions.get(message.question)?.(message.counts);
      questions.delete(message.question);
      return;
    case "close":
      return close(message.deadline);
  }
}

/** Asks what the other ranks have counted. Whoever looks after this one answers always, or has ended, and this one with it. */
function others(): Promise<readonly RankCounts[]> {
  return new Promise((resolve) => {
    const question = asked++;
    questions.set(question, resolve);
    tell({ type: "whatOthers", question });
  });
}

/** A configuration that is refused is no reason to end. */
async function reload(config: LoadedConfig) {
  try {
    await rank!.reload(config);
    return {};
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    return { problem: { message, code } };
  }
}

async function close(deadline: number): Promise<void> {
  await rank?.close({ deadline });
  process.exit(0);
}

process.on("message", (message: ToRank) => {
  obey(message).catch((error: Error & { code?: string }) => {
    tell({ type: "failed", message: error.message, code: error.code });
    process.disconnect();
  });
});
process.on("disconnect", () => void close(0));
process.on("SIGTERM", () => void close(1000));
process.on("SIGINT", () => {}); // A terminal sends it to all of them, and the first one says what is to be done.
