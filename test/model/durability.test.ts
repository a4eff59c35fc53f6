import test from "ava";
import { checkDurability, durabilities } from "../../src/model/durability.ts";

test("checkDurability() takes what is not stronger than declared, and refuses everything else", (t) => {
  for (const [i, requested] of durabilities.entries()) {
    for (const [j, declared] of durabilities.entries()) {
      const check = () => checkDurability(requested, declared);
      if (i <= j) t.notThrows(check);
      else t.throws(check, { code: "ERR_UNSUPPORTED", message: new RegExp(`"${requested}".*"${declared}"`) });
    }
  }
});

test("checkDurability() takes what asks for nothing", (t) => {
  t.notThrows(() => checkDurability(undefined, "memory"));
});
