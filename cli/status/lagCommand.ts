import { Command } from "commander";
import { withAction, type ActionHost } from "../command.ts";

/** `sluice lag`: how far a consumer is behind. */
export function lagCommand(host: ActionHost): Command {
  return withAction(
    host,
    new Command("lag")
      .description("say how far a consumer is behind, in events that it has not acknowledged")
      .argument("<topic>", "the name of the topic")
      .argument("<consumer>", "the name of the consumer"),
    { action: async (...given) => (await import("./showLag.ts")).showLag(...given) },
  );
}
