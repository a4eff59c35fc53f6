/** Compares text without regard to case. */
export interface IgnoreCase {
  /** The text. */
  readonly "equals-ignore-case": string;
}

/** A comparison of a number with another: `["=", 5]`, or a range, `[">", 0, "<=", 5]`. */
export type NumericComparison =
  | readonly ["=" | "<" | "<=" | ">" | ">=", number]
  | readonly [">" | ">=", number, "<" | "<=", number];

/** What a value may be anything but: values all of one kind, or texts of a form. */
export type AnythingBut =
  | string
  | number
  | readonly string[]
  | readonly number[]
  | {
      /** Texts that do not begin with this, or with any of these. */
      readonly prefix: string | readonly string[];
    }
  | {
      /** Texts that do not end with this, or with any of these. */
      readonly suffix: string | readonly string[];
    }
  | {
      /** Texts that differ from this, or from all of these, by more than case. */
      readonly "equals-ignore-case": string | readonly string[];
    }
  | {
      /** Texts that do not match this, or any of these, where `*` stands for any text. */
      readonly wildcard: string | readonly string[];
    };

/** One alternative for the value of a field: the value itself, or an object with one operator. */
export type PatternRule =
  | string
  | number
  | boolean
  | null
  | IgnoreCase
  | {
      /** The text begins with this. */
      readonly prefix: string | IgnoreCase;
    }
  | {
      /** The text ends with this. */
      readonly suffix: string | IgnoreCase;
    }
  | {
      /** The text matches this, where `*` stands for any text. */
      readonly wildcard: string;
    }
  | {
      /** The value is there and is anything but this. */
      readonly "anything-but": AnythingBut;
    }
  | {
      /** The number compares like this. */
      readonly numeric: NumericComparison;
    }
  | {
      /** The text is an address of this network: `"10.0.0.0/8"`, `"2001:db8::/32"`. */
      readonly cidr: string;
    }
  | {
      /** Whether there is a value. */
      readonly exists: boolean;
    };

/** One of the patterns of `$or`. As in EventBridge, its fields are not named like operators: a mistyped operator would pass for a field. */
export type OrPattern = EventPattern & {
  readonly [Operator in keyof Operators]?: never;
};

type Operators = UnionToIntersection<Exclude<PatternRule, string | number | boolean | null>>;

type UnionToIntersection<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void
  ? I
  : never;

/**
 * An event pattern in the syntax of Amazon EventBridge. It has the shape of the metadata; each field lists the values that
 * are accepted. All fields must match, one alternative of a field is enough. `$or` lists patterns of which one must match.
 */
export interface EventPattern {
  /** A field: its alternatives, or a pattern for the object in it. Under the name `$or`: a list of patterns. */
  readonly [field: string]: EventPattern | readonly PatternRule[] | readonly OrPattern[];
}
