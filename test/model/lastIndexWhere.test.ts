import test from "ava";
import { lastIndexWhere } from "../../src/model/lastIndexWhere.ts";

test("lastIndexWhere() agrees with a look at each element, for every length and every bound", (t) => {
  for (let length = 0; length < 20; length++) {
    for (let bound = -1; bound <= length; bound++) {
      const expected = Array.from({ length }, (_, i) => i).findLastIndex((i) => i <= bound);
      t.is(
        lastIndexWhere(length, (i) => i <= bound),
        expected,
      );
    }
  }
});
