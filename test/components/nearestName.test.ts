import test from "ava";
import { nearestName } from "../../src/components/nearestName.ts";

const names = ["accept-all", "event-pattern", "json-schema"];

test("nearestName() finds the name with the fewest changes", (t) => {
  t.is(nearestName("jsonschema", names), "json-schema");
  t.is(nearestName("Event-Patern", names), "event-pattern");
  t.is(nearestName("", ["ab", "a"]), "a");
});

test("nearestName() finds nothing beyond the distance", (t) => {
  t.is(nearestName("jsonschema", names, 1), "json-schema");
  t.is(nearestName("jsonshema", names, 1), undefined);
  t.is(nearestName("x", []), undefined);
});
