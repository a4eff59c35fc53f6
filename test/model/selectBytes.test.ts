import test from "ava";
import fc from "fast-check";
import { SluiceError } from "../../src/model/errors.ts";
import { copyInto, selectBytes, selectRanges } from "../../src/model/selectBytes.ts";

const joined = (parts: readonly Uint8Array[]) => parts.flatMap((part) => [...part]);
const segmentLists = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });

/** Ranges in order, given as the distance to each from the end of the one before, and its size. */
const rangeLists = fc.array(fc.tuple(fc.nat(10), fc.nat(10)), { maxLength: 8 }).map((steps) => {
  let end = 0;
  return steps.map(([skip, size]): [number, number] => {
    const offset = end + skip;
    end = offset + size;
    return [offset, size];
  });
});

test("selectBytes() selects what selecting byte by byte does, or refuses what is not there", (t) => {
  const property = fc.property(segmentLists, rangeLists, (segments, ranges) => {
    const all = joined(segments);
    const flat = new Float64Array(ranges.flat());
    if (ranges.some(([offset, size]) => size > 0 && offset + size > all.length)) {
      t.throws(() => selectBytes(segments, flat), { instanceOf: RangeError });
      return;
    }
    const parts = selectBytes(segments, flat);
    t.deepEqual(
      joined(parts),
      ranges.flatMap(([offset, size]) => all.slice(offset, offset + size)),
    );
    t.true(parts.every((part) => part.length > 0));
  });
  fc.assert(property, { numRuns: 2000 });
  t.pass();
});

test("selectBytes() copies nothing", (t) => {
  const segments = [new Uint8Array([0, 1, 2]), new Uint8Array([3, 4, 5])];
  const parts = selectBytes(segments, new Float64Array([1, 4]));
  t.deepEqual(joined(parts), [1, 2, 3, 4]);
  t.deepEqual(
    parts.map((part) => part.buffer),
    segments.map((segment) => segment.buffer),
  );
});

test("selectBytes() without ranges selects nothing", (t) => {
  t.deepEqual(selectBytes([new Uint8Array(3)], new Float64Array(0)), []);
  t.deepEqual(selectBytes([], new Float64Array(0)), []);
});

test("selectBytes() names the range that it refuses", (t) => {
  const segments = [new Uint8Array(3)];
  t.throws(() => selectBytes(segments, new Float64Array([1, 3])), {
    instanceOf: RangeError,
    message: "A range must end within 3 bytes: current value is 4",
  });
  t.throws(() => selectBytes(segments, new Float64Array([1, 1, 0, 1])), {
    instanceOf: RangeError,
    message: "Ranges must be in order: current value is 0 behind 2",
  });
});

test("copyInto() fills the targets one after the other and leaves the rest of them alone", (t) => {
  const property = fc.property(segmentLists, segmentLists, (parts, shapes) => {
    const targets = shapes.map((shape) => new Uint8Array(shape.length).fill(255));
    const [bytes, room] = [joined(parts), joined(targets)];
    if (bytes.length > room.length) {
      t.throws(() => copyInto(parts, targets), { instanceOf: SluiceError, code: "ERR_ALLOCATION" });
      t.deepEqual(joined(targets), room);
    } else {
      t.is(copyInto(parts, targets), bytes.length);
      t.deepEqual(joined(targets), [...bytes, ...room.slice(bytes.length)]);
    }
  });
  fc.assert(property, { numRuns: 2000 });
  t.pass();
});

test("copyInto() refuses targets that hold too little, and gives both sizes", (t) => {
  const error = t.throws(() => copyInto([new Uint8Array(3), new Uint8Array(2)], [new Uint8Array(4)]), {
    instanceOf: SluiceError,
    code: "ERR_ALLOCATION",
    message: "5 bytes do not fit into the 4 bytes that were allocated",
  });
  t.deepEqual(error.details, { needed: 5, available: 4 });
});

test("copyInto() with nothing to copy needs no targets", (t) => {
  t.is(copyInto([], []), 0);
  t.is(copyInto([new Uint8Array(0)], []), 0);
});

test("selectRanges() ends with an error when the inner ranges leave the outer ones", (t) => {
  t.throws(() => selectRanges(new Float64Array([0, 2, 5, 2]), new Float64Array([3, 2])), {
    instanceOf: RangeError,
    message: "A range must end within 4 bytes: current value is 5",
  });
});
