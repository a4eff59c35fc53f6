/**
 * As `Promise.all`, but when one fails it waits for the others before it says so: they may still be writing to what would be
 * closed then. Rejects with the error of the first in the list that has failed.
 *
 * @internal
 */
export async function settleAll<T>(work: Iterable<T | PromiseLike<T>>): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason as Error;
    return result.value;
  });
}
