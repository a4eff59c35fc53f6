import test from "ava";
import { EventData } from "../../../src/model/data.ts";
import { acceptAll } from "../../../src/model/validators/acceptAll.ts";

test("acceptAll() hands every metadata on as it is", (t) => {
  const validator = acceptAll();
  const metadata = { energy: 7 };

  t.is(validator.validate(metadata, EventData.empty), metadata);
  t.is(validator.validate(undefined, EventData.empty), undefined);
  t.deepEqual(validator.spec, { type: "accept-all" });
});
