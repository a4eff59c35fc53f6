import { hashToken, makeToken } from "sluice/backends/service/server";
import type { Invocation } from "../invocation.ts";

/** Makes a token for a user. It is shown here and nowhere else. */
export function makeUserToken({ output }: Invocation, user = ""): void {
  const token = makeToken();
  const entry = { user, hash: hashToken(token) };
  output.result({ token, entry }, () => token);
  output.note(`For "tokens" of the service:\n${JSON.stringify(entry)}`);
}
