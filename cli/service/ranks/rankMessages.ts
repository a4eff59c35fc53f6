import type { RankCounts } from "../counts.ts";
import type { ListenerConfig, LoadedConfig } from "../serviceConfig.ts";

/** What a rank is told by the process that looks after it. */
export type ToRank =
  | {
      readonly type: "open";
      readonly config: LoadedConfig;
      readonly rank: number;
      readonly folder: string;
      readonly service: string;
      readonly log: { readonly level?: string | undefined; readonly format: "json" | "text" };
    }
  | {
      readonly type: "serve";
      readonly listeners: readonly ListenerConfig[];
      readonly origins: readonly string[] | undefined;
    }
  | { readonly type: "addresses"; readonly addresses: readonly (readonly string[])[] }
  | { readonly type: "reload"; readonly config: LoadedConfig }
  | { readonly type: "count" }
  | { readonly type: "others"; readonly question: number; readonly counts: readonly RankCounts[] }
  | { readonly type: "close"; readonly deadline: number };

/** Why a rank does not do what it was told. */
export interface RankProblem {
  readonly message: string;
  readonly code: string | undefined;
}

/** What a rank tells: answers to what it was told, that it has failed, and its question what the other ranks have counted. */
export type FromRank =
  | { readonly type: "opened" }
  | { readonly type: "serving"; readonly addresses: readonly string[] }
  | { readonly type: "reloaded"; readonly problem?: RankProblem }
  | { readonly type: "counted"; readonly counts: RankCounts }
  | { readonly type: "whatOthers"; readonly question: number }
  | ({ readonly type: "failed" } & RankProblem);
