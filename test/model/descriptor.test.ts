import test from "ava";
import fc from "fast-check";
import { DataDescriptor } from "../../src/model/descriptor.ts";
import { selectBytes } from "../../src/model/selectBytes.ts";

const origin = { topic: "images", partition: 2, id: 7 };
const ofSize = (size: number) => DataDescriptor.of({ ...origin, size });
const upTo = (size: number) => Array.from({ length: size }, (_, i) => i);

/** A view with what it should select: the positions of its bytes, one by one. */
interface Case {
  readonly view: DataDescriptor;
  readonly bytes: readonly number[];
}

/** Makes a view of a view. Its numbers are taken as fractions of what fits, so that nothing is refused. */
type Step = (from: Case) => Case;

// Not fc.double(), whose values are spread over the exponents: nearly all of them would be next to 0.
const part = fc.nat(1000).map((thousandths) => thousandths / 1000);
const pick = (fraction: number, max: number) => Math.floor(fraction * (max + 0.999));

const subSteps: fc.Arbitrary<Step> = fc.tuple(part, part).map(([a, b]) => ({ view, bytes }) => {
  const [offset, size] = [pick(a, view.size + 2), pick(b, view.size + 2)];
  return { view: view.makeSubView(offset, size), bytes: bytes.slice(offset, offset + size) };
});

const stridedSteps: fc.Arbitrary<Step> = fc.tuple(part, part, part, part).map(([a, b, c, d]) => ({ view, bytes }) => {
  const offset = pick(a, view.size);
  const blockSize = pick(b * b, view.size - offset);
  const gap = pick(c * c, view.size);
  const blocks = blockSize === 0 ? 3 : pick(d, Math.floor((view.size - offset + gap) / (blockSize + gap)));
  const selected = upTo(blocks).flatMap((i) => upTo(blockSize).map((k) => offset + i * (blockSize + gap) + k));
  return {
    view: view.makeStridedView(offset, blocks, blockSize, gap),
    bytes: selected.map((at) => bytes[at] as number),
  };
});

const unstructuredSteps: fc.Arbitrary<Step> = fc.array(fc.tuple(part, part)).map((parts) => ({ view, bytes }) => {
  const ranges: [number, number][] = [];
  let end = 0;
  for (const [a, b] of parts) {
    const offset = end + pick(a * a, view.size - end);
    const size = pick(b * b, view.size - offset);
    ranges.push([offset, size]);
    end = offset + size;
  }
  return {
    view: view.makeUnstructuredView(ranges),
    bytes: ranges.flatMap(([offset, size]) => bytes.slice(offset, offset + size)),
  };
});

const cases = fc
  .tuple(fc.nat(200), fc.array(fc.oneof(subSteps, stridedSteps, unstructuredSteps), { maxLength: 5 }))
  .map(([size, steps]) => steps.reduce<Case>((from, step) => step(from), { view: ofSize(size), bytes: upTo(size) }));

const bytesOf = (view: DataDescriptor) => view.flatten().flatMap(([offset, size]) => upTo(size).map((k) => offset + k));

test("DataDescriptor selects what selecting byte by byte does, for views of views", (t) => {
  const property = fc.property(cases, ({ view, bytes }) => {
    t.deepEqual(bytesOf(view), bytes);
    t.is(view.size, bytes.length);
    t.is(view.isWhole, bytes.length === view.origin.size);
    const data = Uint8Array.from(upTo(view.origin.size));
    t.deepEqual(
      selectBytes([data.subarray(0, 50), data.subarray(50)], view.ranges()).flatMap((piece) => [...piece]),
      bytes,
    );
  });
  fc.assert(property, { numRuns: 3000 });
  t.pass();
});

test("DataDescriptor reads back from its encoding, for views of views", (t) => {
  const property = fc.property(cases, ({ view, bytes }) => {
    const copy = DataDescriptor.decode(view.encode());
    t.deepEqual(copy.origin, view.origin);
    t.deepEqual(bytesOf(copy), bytes);
    t.deepEqual(copy.encode(), view.encode());
  });
  fc.assert(property, { numRuns: 1000 });
  t.pass();
});

test("flatten() gives ranges in order, apart from each other and not empty, as ranges() does", (t) => {
  const property = fc.property(cases, ({ view }) => {
    const ranges = view.flatten();
    t.true(ranges.every(([, size]) => size > 0));
    t.true(ranges.slice(1).every(([offset], i) => offset > (ranges[i]?.[0] ?? 0) + (ranges[i]?.[1] ?? 0)));
    t.deepEqual([...view.ranges()], ranges.flat());
    t.is(view.ranges(), view.ranges());
  });
  fc.assert(property);
  t.pass();
});

test("makeStridedView() makes the same rectangle of a sub view and of the image, at the bottom edge too", (t) => {
  const rectangles = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
    .chain(([W, H]) => fc.tuple(fc.constant(W), fc.constant(H), fc.nat(W - 1), fc.nat(H - 1)))
    .chain(([W, H, x, y]) =>
      fc.record({
        W: fc.constant(W),
        H: fc.constant(H),
        x: fc.constant(x),
        y: fc.constant(y),
        w: fc.integer({ min: 1, max: W - x }),
        h: fc.oneof(fc.constant(H - y), fc.integer({ min: 1, max: H - y })),
      }),
    );
  const property = fc.property(rectangles, ({ W, H, x, y, w, h }) => {
    const image = ofSize(W * H);
    const direct = image.makeStridedView(y * W + x, h, w, W - w);
    const nested = image.makeSubView(y * W + x, W * h).makeStridedView(0, h, w, W - w);
    const pixels = upTo(h).flatMap((row) => upTo(w).map((column) => (y + row) * W + x + column));
    t.deepEqual(bytesOf(direct), pixels);
    t.deepEqual(nested.flatten(), direct.flatten());
    t.deepEqual(nested.encode(), direct.encode());
  });
  fc.assert(property);
  t.pass();
});

test("makeStridedView() needs no gap behind the last block", (t) => {
  t.deepEqual(ofSize(11).makeStridedView(0, 3, 3, 1).flatten(), [
    [0, 3],
    [4, 3],
    [8, 3],
  ]);
  t.throws(() => ofSize(10).makeStridedView(0, 3, 3, 1), {
    instanceOf: RangeError,
    message: "The blocks must end within 10 bytes: current value is 11",
  });
});

test("makeStridedView() refuses exactly the blocks that leave the view", (t) => {
  const numbers = fc.tuple(fc.nat(30), fc.nat(20), fc.nat(5), fc.nat(8), fc.nat(5));
  const property = fc.property(numbers, ([size, offset, blocks, blockSize, gap]) => {
    const bytes = upTo(blocks).flatMap((i) => upTo(blockSize).map((k) => offset + i * (blockSize + gap) + k));
    const make = () => ofSize(size).makeStridedView(offset, blocks, blockSize, gap);
    if (bytes.some((at) => at >= size)) t.throws(make, { instanceOf: RangeError });
    else t.deepEqual(bytesOf(make()), bytes);
  });
  fc.assert(property, { numRuns: 1000 });
  t.pass();
});

test("makeStridedView() refuses blocks whose end is beyond the safe integers", (t) => {
  const max = Number.MAX_SAFE_INTEGER;
  const view = ofSize(max);
  for (const [offset, blocks, blockSize, gap] of [
    [1, max, 1, 0],
    [0, 2, 1, max - 1],
    [0, max, max, max],
    [max, 1, 1, 0],
  ] as const) {
    t.throws(() => view.makeStridedView(offset, blocks, blockSize, gap), { instanceOf: RangeError });
  }
  t.is(view.makeStridedView(0, 2, 1, max - 2).size, 2);
});

test("makeUnstructuredView() refuses exactly the ranges that leave the view, overlap or go back", (t) => {
  const numbers = fc.tuple(fc.nat(30), fc.array(fc.tuple(fc.nat(25), fc.nat(6)), { maxLength: 4 }));
  const property = fc.property(numbers, ([size, ranges]) => {
    const bytes = ranges.flatMap(([offset, length]) => upTo(length).map((k) => offset + k));
    const make = () => ofSize(size).makeUnstructuredView(ranges);
    const inOrder = bytes.every((at, i) => i === 0 || at > (bytes[i - 1] as number));
    if (!inOrder || bytes.some((at) => at >= size)) t.throws(make, { instanceOf: RangeError });
    else t.deepEqual(bytesOf(make()), bytes);
  });
  fc.assert(property, { numRuns: 1000 });
  t.pass();
});

test("makeUnstructuredView() names what it refuses", (t) => {
  const view = ofSize(10);
  const refusals: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [[[8, 3]], RangeError, "Ranges must end within 10 bytes: current value is 11"],
    [
      [
        [0, 4],
        [3, 1],
      ],
      RangeError,
      "Ranges must be in order and not overlap: current value is 3 behind an end at 4",
    ],
    [
      [
        [6, 2],
        [0, 1],
      ],
      RangeError,
      "Ranges must be in order and not overlap: current value is 0 behind an end at 8",
    ],
    [[[-1, 2]], RangeError, "'offset' must be an integer of at least 0: current value is -1"],
    [[[0, 0.5]], RangeError, "'size' must be an integer of at least 0: current value is 0.5"],
    [[["0", 1]], TypeError, `'offset' must be a number: current value is "0"`],
    [[[0, 1, 2]], TypeError, "A range must be a pair of offset and size: current value is [0,1,2]"],
    [[7], TypeError, "A range must be a pair of offset and size: current value is 7"],
    // oxlint-disable-next-line no-sparse-arrays
    [[, [0, 1]], TypeError, "A range must be a pair of offset and size: current value is undefined"],
    [7, TypeError, "'ranges' must be an array: current value is 7"],
  ];
  for (const [ranges, instanceOf, message] of refusals) {
    t.throws(() => view.makeUnstructuredView(ranges as [number, number][]), { instanceOf, message });
  }
});

test("makeSubView() is clamped to what there is", (t) => {
  const view = ofSize(10).makeSubView(2, 6);
  t.deepEqual(view.makeSubView(4, 100).flatten(), [[6, 2]]);
  t.deepEqual(view.makeSubView(0, Number.MAX_SAFE_INTEGER).flatten(), [[2, 6]]);
  t.deepEqual(view.makeSubView(6, 1).flatten(), []);
  t.deepEqual(view.makeSubView(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).flatten(), []);
});

test("makeSubView() and makeStridedView() refuse what is not an integer of at least 0", (t) => {
  const view = ofSize(10);
  for (const value of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    const instanceOf = RangeError;
    const message = (name: string) => `'${name}' must be an integer of at least 0: current value is ${value}`;
    t.throws(() => view.makeSubView(value, 1), { instanceOf, message: message("offset") });
    t.throws(() => view.makeSubView(0, value), { instanceOf, message: message("size") });
    t.throws(() => view.makeStridedView(value, 1, 1, 1), { instanceOf, message: message("offset") });
    t.throws(() => view.makeStridedView(0, value, 1, 1), { instanceOf, message: message("blocks") });
    t.throws(() => view.makeStridedView(0, 1, value, 1), { instanceOf, message: message("blockSize") });
    t.throws(() => view.makeStridedView(0, 1, 1, value), { instanceOf, message: message("gap") });
  }
  t.throws(() => view.makeSubView("1" as never, 1), { instanceOf: TypeError });
  t.throws(() => view.makeSubView(1n as never, 1), { instanceOf: TypeError });
  t.throws(() => view.makeSubView(1, undefined as never), { instanceOf: TypeError });
});

test("makeStridedView() with no blocks or blocks of no bytes is empty, and so is any view of it", (t) => {
  for (const view of [ofSize(10).makeStridedView(3, 0, 5, 1), ofSize(10).makeStridedView(3, 4, 0, 100)]) {
    t.is(view.size, 0);
    t.deepEqual(view.flatten(), []);
    t.deepEqual(view.makeSubView(0, 5).flatten(), []);
    t.deepEqual(view.makeUnstructuredView([]).flatten(), []);
    t.throws(() => view.makeStridedView(0, 1, 1, 0), { instanceOf: RangeError });
  }
});

test("makeStridedView() of a million blocks costs nothing until it is flattened, and then one walk", (t) => {
  const column = ofSize(35e6).makeStridedView(0, 1_000_000, 20, 15);
  // Each of these would hold 16 MB, and the heap would not, if the ranges were written down.
  const views = upTo(10_000).map((i) => column.makeSubView(i + 1, 20e6).makeSubView(1, 20e6));
  t.is(views.at(-1)?.size, 20e6 - 10_001);
  t.true(views.every((view) => view.encode().length < 100));

  // Half a million blocks that are cut by half a million others: a search for each would not end.
  const cut = ofSize(35e6).makeStridedView(0, 500_000, 20, 15).makeStridedView(3, 500_000, 7, 13);
  t.is(cut.ranges().length, 1_000_000);
  t.is(cut.ranges().at(-2), 499_999 * 35 + 3);
});

test("makeStridedView() refuses more ranges than a view can have", (t) => {
  const instanceOf = RangeError;
  const message = (count: number) => `A view can have at most 1048576 ranges: current value is ${count}`;
  t.throws(() => ofSize(1e9).makeStridedView(0, 1_048_577, 1, 1), { instanceOf, message: message(1_048_577) });
  t.throws(() => ofSize(2 ** 52).makeStridedView(0, 2 ** 50, 1, 1), { instanceOf, message: message(2 ** 50) });
  const view = ofSize(1e9).makeStridedView(0, 1_048_576, 3, 1);
  // Of each 12 bytes in 4 blocks 9 are kept, in 5 ranges: 2 bytes, 1, 1, 2, 3 … as the edges of both kinds of block fall.
  t.throws(() => view.makeStridedView(1, 786_432, 3, 1), { instanceOf, message: message((786_432 / 3) * 5) });
  // The steps have too many ranges together, and what they select has not.
  t.is(view.makeStridedView(0, 600_000, 1, 2).flatten().length, 600_000);
});

test("makeStridedView() can be repeated without end", (t) => {
  let view = ofSize(1000);
  let bytes: readonly number[] = upTo(1000);
  for (let depth = 0; depth < 100; depth++) {
    const half = Math.floor((view.size - 1) / 2);
    view = view.makeStridedView(0, 2, half, 1);
    bytes = [...bytes.slice(0, half), ...bytes.slice(half + 1, 2 * half + 1)];
  }
  t.true(view.size > 700);
  t.deepEqual(bytesOf(view), bytes);
  t.deepEqual(bytesOf(DataDescriptor.decode(view.encode())), bytes);
});

test("makeSubView() of a strided view keeps only the blocks that it touches", (t) => {
  const view = ofSize(1000).makeStridedView(10, 20, 5, 15);
  t.deepEqual(view.makeSubView(26, 3).encode(), ofSize(1000).makeSubView(111, 3).encode());
  t.deepEqual(view.makeSubView(25, 50).encode(), ofSize(1000).makeStridedView(110, 10, 5, 15).encode());
  t.deepEqual(
    view.makeSubView(27, 50).encode(),
    ofSize(1000).makeStridedView(110, 11, 5, 15).makeSubView(2, 50).encode(),
  );
});

test("DataDescriptor.of() refuses an origin that cannot be", (t) => {
  const refusals: [object, typeof TypeError | typeof RangeError][] = [
    [{ topic: "" }, RangeError],
    [{ topic: "a/b" }, RangeError],
    [{ topic: 1 }, TypeError],
    [{ partition: -1 }, RangeError],
    [{ partition: 2 ** 32 }, RangeError],
    [{ id: 0.5 }, RangeError],
    [{ id: "0" }, TypeError],
    [{ size: NaN }, RangeError],
    [{ size: 2 ** 53 }, RangeError],
    [{ location: "here" }, TypeError],
  ];
  for (const [wrong, instanceOf] of refusals) {
    t.throws(() => DataDescriptor.of({ ...origin, size: 1, ...wrong }), { instanceOf });
  }
});

test("DataDescriptor does not change, nor does it follow what it was made of", (t) => {
  const mutable = { ...origin, size: 10 };
  const view = DataDescriptor.of(mutable);
  mutable.size = 5;
  t.is(view.origin.size, 10);
  t.true(Object.isFrozen(view) && Object.isFrozen(view.origin));
  const ranges: [number, number][] = [
    [1, 2],
    [5, 2],
  ];
  const list = view.makeUnstructuredView(ranges);
  ranges[0] = [0, 9];
  t.deepEqual(list.flatten(), [
    [1, 2],
    [5, 2],
  ]);
});

test("isWhole tells whether everything is selected", (t) => {
  t.true(ofSize(10).isWhole);
  t.true(ofSize(10).makeSubView(0, 99).isWhole);
  t.true(
    ofSize(10).makeUnstructuredView([
      [0, 4],
      [4, 6],
    ]).isWhole,
  );
  t.true(ofSize(0).isWhole);
  t.false(ofSize(10).makeSubView(0, 9).isWhole);
});

test("sharesOriginWith() compares the events, not the views", (t) => {
  const view = ofSize(10);
  t.true(view.sharesOriginWith(ofSize(10).makeSubView(1, 2)));
  for (const other of [{ topic: "other" }, { partition: 3 }, { id: 8 }]) {
    t.false(view.sharesOriginWith(DataDescriptor.of({ ...origin, size: 10, ...other })));
  }
});
