import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { describeValue } from "../../../src/model/describeValue.ts";
import { SluiceError } from "../../../src/model/errors.ts";

/** What a user may do with a topic: store events; read and acknowledge them; create, change and delete it. */
export type Right = "publish" | "subscribe" | "admin";

/** A token that a service knows, without knowing the token. */
export interface TokenEntry {
  /** Whose it is. Several tokens may belong to one user. */
  readonly user: string;
  /** What {@link hashToken} made of it. */
  readonly hash: string;
}

/** One rule about who may do what. What a rule denies no other rule allows, and what no rule allows is denied. */
export interface AccessRule {
  /** Names of users; `"*"` for everybody. */
  readonly users: readonly string[];
  /** Names of topics; `"*"` at the end of one stands for whatever follows. */
  readonly topics: readonly string[];
  /** What they may do. @default nothing */
  readonly allow?: readonly Right[] | undefined;
  /** What they may not do. @default nothing */
  readonly deny?: readonly Right[] | undefined;
}

/** Who has come, and by which token, as far as it has to be known to tell later whether it still holds. */
export interface Credential {
  /** The user. */
  readonly user: string;
  /** The hash of the token; nothing where no tokens are wanted. */
  readonly hash: string | undefined;
}

/** Who may connect, and who may do what. */
export interface AccessOptions {
  /** Who may connect. */
  readonly tokens?: readonly TokenEntry[] | undefined;
  /** Who may do what. */
  readonly access?: readonly AccessRule[] | undefined;
}

/** Every right there is: `publish`, `subscribe` and `admin`. */
export const rights: readonly Right[] = ["publish", "subscribe", "admin"];

/** The user of a service that knows no tokens. */
export const localUser = "local";

const shortestToken = 16;
const longestToken = 4096;

/**
 * Makes a token that nobody can guess: 32 random bytes.
 *
 * @example
 * ```ts
 * import { makeToken } from "sluice/backends/service/server";
 *
 * console.log(makeToken().length); // 43
 * ```
 */
export function makeToken(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * What a service keeps of a token: its SHA-256. That is enough for a token with the randomness of {@link makeToken}; it is
 * not enough for a password that a person has chosen.
 *
 * @param token - From 16 to 4,096 characters.
 * @throws TypeError or RangeError when it is not a string, too short or too long.
 *
 * @example
 * ```ts
 * import { hashToken, makeToken } from "sluice/backends/service/server";
 *
 * console.log(hashToken(makeToken()).startsWith("sha256:")); // true
 * ```
 */
export function hashToken(token: string): string {
  if (typeof token !== "string")
    throw new TypeError(`'token' must be a string: current value is ${describeValue(token)}`);
  if (token.length < shortestToken || token.length > longestToken) {
    throw new RangeError(
      `'token' must have from ${shortestToken} to ${longestToken} characters: current value has ${token.length}`,
    );
  }
  return `sha256:${digest(token).toString("hex")}`;
}

/**
 * Knows who holds which token, and what each user may do: for what answers beside a service, as a page does.
 *
 * @example
 * ```ts
 * import { Access, hashToken, makeToken } from "sluice/backends/service/server";
 *
 * const token = makeToken();
 * const rules = [{ users: ["detector"], topics: ["run-*"], allow: ["publish"] }] as const;
 * const access = new Access([{ user: "detector", hash: hashToken(token) }], rules);
 * const user = access.userOf(token);
 * console.log(user, access.may(user, "publish", "run-1"), access.may(user, "admin", "run-1")); // detector true false
 * ```
 */
export class Access {
  readonly #isOpen: boolean;
  #tokens: readonly KnownToken[];
  #rules: readonly AccessRule[] | undefined;

  /** @throws TypeError or RangeError when an entry or a rule is wrong. */
  constructor(tokens: readonly TokenEntry[] | undefined, rules: readonly AccessRule[] | undefined) {
    this.#isOpen = tokens === undefined;
    this.#tokens = checkTokens(tokens, rules);
    this.#rules = rules;
  }

  /**
   * Replaces all tokens and rules.
   *
   * @throws TypeError or RangeError when an entry or a rule is wrong, or when tokens were wanted so far and would not be, or the
   * other way round. Everything then stays as it was.
   */
  change({ tokens, access: rules }: AccessOptions): void {
    if ((tokens === undefined) !== this.#isOpen) {
      const now = this.#isOpen ? "wants no tokens" : "wants tokens";
      throw new TypeError(`'tokens' cannot come or go while a service runs: it ${now} since it was started`);
    }
    const known = checkTokens(tokens, rules);
    this.#tokens = known;
    this.#rules = rules;
  }

  /** Whether everybody who connects must show a token. */
  get wantsTokens(): boolean {
    return !this.#isOpen;
  }

  /**
   * Whose token it is.
   *
   * @throws SluiceError `ERR_UNAUTHORIZED` when a token is wanted and this is none that is known.
   */
  userOf(token: string | undefined): string {
    return this.admit(token).user;
  }

  /** As {@link userOf}, with what tells later whether the token is still known. */
  admit(token: string | undefined): Credential {
    if (this.#isOpen) return { user: localUser, hash: undefined };
    if (token === undefined) throw new SluiceError("ERR_UNAUTHORIZED", "The service wants a token");
    const hash = digest(token);
    let user: string | undefined;
    // All are compared, in constant time each, so that the time tells nothing of which one came close.
    for (const entry of this.#tokens) if (timingSafeEqual(entry.hash, hash)) user = entry.user;
    if (user === undefined) throw new SluiceError("ERR_UNAUTHORIZED", "The service does not know this token");
    return { user, hash: hash.toString("hex") };
  }

  /** Whether somebody who was admitted would be admitted now. */
  holds({ user, hash }: Credential): boolean {
    return this.#isOpen || this.#tokens.some((entry) => entry.user === user && entry.hash.toString("hex") === hash);
  }

  /** Forgets every token of a user. */
  revoke(user: string): void {
    this.#tokens = this.#tokens.filter((entry) => entry.user !== user);
  }

  /** Whether a user may do something with a topic. */
  may(user: string, right: Right, topic: string): boolean {
    if (this.#rules === undefined) return true;
    let isAllowed = false;
    for (const { users, topics, allow = [], deny = [] } of this.#rules) {
      if (!(users.includes(user) || users.includes("*")) || !topics.some((pattern) => covers(pattern, topic))) continue;
      if (deny.includes(right)) return false;
      isAllowed ||= allow.includes(right);
    }
    return isAllowed;
  }

  /** Whether a user may do something with every topic, whatever its name. */
  mayAll(user: string, right: Right): boolean {
    if (this.#rules === undefined) return true;
    const own = this.#rules.filter(({ users }) => users.includes(user) || users.includes("*"));
    const isDenied = own.some(({ deny = [] }) => deny.includes(right));
    return !isDenied && own.some(({ topics, allow = [] }) => topics.includes("*") && allow.includes(right));
  }

  /** @throws SluiceError `ERR_FORBIDDEN` when a user may do none of some things with a topic. */
  assert(user: string, wanted: readonly Right[], topic: string): void {
    if (wanted.some((right) => this.may(user, right, topic))) return;
    throw new SluiceError("ERR_FORBIDDEN", `User "${user}" may not ${wanted.join(" or ")} on topic "${topic}"`, {
      details: { right: wanted.join(" or "), topic },
    });
  }
}

function covers(pattern: string, topic: string): boolean {
  return pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic;
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

interface KnownToken {
  readonly user: string;
  readonly hash: Buffer;
}

function checkTokens(
  tokens: readonly TokenEntry[] | undefined,
  rules: readonly AccessRule[] | undefined,
): readonly KnownToken[] {
  const known = (tokens ?? []).map(checkEntry);
  rules?.forEach(checkRule);
  if (tokens !== undefined && rules === undefined) {
    throw new TypeError("'access' must be given with 'tokens': what no rule allows is denied");
  }
  return known;
}

function checkEntry({ user, hash }: TokenEntry): KnownToken {
  if (typeof user !== "string" || user === "") {
    throw new TypeError(`'tokens.user' must be a name: current value is ${describeValue(user)}`);
  }
  if (typeof hash !== "string" || !/^sha256:[0-9a-f]{64}$/.test(hash)) {
    throw new TypeError(`'tokens.hash' must be what hashToken() makes, for user "${user}"`); // It may be a secret by mistake.
  }
  return { user, hash: Buffer.from(hash.slice("sha256:".length), "hex") };
}

function checkRule(rule: AccessRule): void {
  const { users, topics, allow = [], deny = [] } = rule;
  for (const [name, list] of Object.entries({ users, topics, allow, deny })) {
    if (!Array.isArray(list) || !list.every((each) => typeof each === "string")) {
      throw new TypeError(`'access.${name}' must be a list of strings: current value is ${describeValue(list)}`);
    }
  }
  for (const right of [...allow, ...deny]) {
    if (!rights.includes(right)) {
      throw new RangeError(`A right must be one of ${rights.join(", ")}: current value is ${describeValue(right)}`);
    }
  }
}
