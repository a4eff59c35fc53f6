import type { ExecutionContext, TestFn } from "ava";

/** Registers tests that run at the same time as others, but not all of them: brokers and machine are small. */
export function takingTurns(
  test: TestFn,
  atOnce: number,
): (title: string, body: (t?: unknown) => Promise<void>) => void {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return (title, body) => {
    test(title, async (t: ExecutionContext) => {
      t.timeout(600_000);
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        await body(t);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      }
    });
  };
}
