import { same, throws } from "./assert.ts";
import { someBytes, upTo, type Numbered, type Suite, type World } from "./world.ts";
import type { DataDescriptor, StreamEvent } from "../../src/index.ts";

const size = 240;

/** §24: views of data that is really stored. The truth is brute force: bytes are selected one by one and compared. @internal */
export function views({ test }: Suite): void {
  async function stored(world: World): Promise<StreamEvent<Numbered>> {
    const topic = await world.topic({ partitions: 1 });
    const bytes = someBytes(size);
    await world.within("the push", topic.producer().push({ n: 0 }, [bytes.subarray(0, 100), bytes.subarray(100)]));
    return (await world.read(topic))[0]!;
  }

  /** Fetches a view, and compares it with the bytes at some places. */
  async function check(
    world: World,
    event: StreamEvent<Numbered>,
    view: DataDescriptor,
    places: readonly number[],
    what: string,
  ): Promise<void> {
    const bytes = someBytes(size);
    const fetched = await world.within(what, event.fetchData(view));
    same([view.size, ...fetched.toUint8Array()], [places.length, ...places.map((place) => bytes[place])], what);
  }

  test("§24 a sub view is clamped to what there is", async (world) => {
    const event = await stored(world);
    const whole = event.descriptor;

    await check(world, event, whole.makeSubView(10, 20), upTo(20, 10), "A sub view");
    await check(world, event, whole.makeSubView(230, 100), upTo(10, 230), "A sub view beyond the end");
    await check(world, event, whole.makeSubView(500, 10), [], "A sub view behind the end");
    await check(world, event, whole.makeSubView(0, size), upTo(size), "A sub view of everything");
  });

  test("§24 a strided view needs no gap behind its last block, and refuses what is out of bounds", async (world) => {
    const event = await stored(world);
    const whole = event.descriptor;
    const places = upTo(6).flatMap((block) => upTo(4, block * 40 + 36));

    await check(world, event, whole.makeStridedView(36, 6, 4, 36), places, "A column at the right edge");
    throws(() => whole.makeStridedView(37, 6, 4, 36), RangeError, "A block that ends behind the data");
    throws(() => whole.makeStridedView(-1, 1, 1, 0), RangeError, "A negative offset");
  });

  test("§24 an unstructured view refuses what is out of order, overlapping or out of bounds", async (world) => {
    const event = await stored(world);
    const whole = event.descriptor;

    await check(
      world,
      event,
      whole.makeUnstructuredView([
        [1, 2],
        [99, 3],
        [200, 40],
      ]),
      [1, 2, 99, 100, 101, ...upTo(40, 200)],
      "A list of ranges",
    );
    throws(
      () =>
        whole.makeUnstructuredView([
          [10, 5],
          [14, 1],
        ]),
      RangeError,
      "Ranges that overlap",
    );
    throws(
      () =>
        whole.makeUnstructuredView([
          [10, 5],
          [0, 5],
        ]),
      RangeError,
      "Ranges out of order",
    );
    throws(() => whole.makeUnstructuredView([[239, 2]]), RangeError, "A range beyond the end");
  });

  test("§24 a rectangle is a sub view and then a strided view", async (world) => {
    const event = await stored(world);
    const rows = event.descriptor.makeSubView(20 * 3, 20 * 4); // Rows 3 to 6 of 12 rows of 20.
    const rectangle = rows.makeStridedView(5, 4, 3, 17);

    const places = upTo(4, 3).flatMap((row) => upTo(3, row * 20 + 5));
    await check(world, event, rectangle, places, "A rectangle");
  });

  test("§24 views of views are what brute force says", async (world) => {
    const event = await stored(world);
    let seed = 12345;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 40; round++) {
      let view = event.descriptor;
      let places = upTo(size);
      for (let depth = random(3) + 1; depth > 0 && places.length > 0; depth--) {
        const made = [subView, stridedView, listView][random(3)]!(view, places, random);
        view = made.view;
        places = made.places;
      }
      await check(world, event, view, places, `View ${round}: ${JSON.stringify(view.flatten())}`);
    }
  });
}

type Random = (below: number) => number;
interface Made {
  readonly view: DataDescriptor;
  readonly places: number[];
}

function subView(view: DataDescriptor, places: number[], random: Random): Made {
  const [offset, length] = [random(places.length), random(places.length)];
  return { view: view.makeSubView(offset, length), places: places.slice(offset, offset + length) };
}

function stridedView(view: DataDescriptor, places: number[], random: Random): Made {
  const blockSize = random(Math.min(5, places.length)) + 1;
  const gap = random(4);
  const offset = random(places.length - blockSize + 1);
  const blocks = random(Math.floor((places.length - offset - blockSize) / (blockSize + gap)) + 1) + 1;
  const chosen = upTo(blocks).flatMap((block) => upTo(blockSize, offset + block * (blockSize + gap)));
  return { view: view.makeStridedView(offset, blocks, blockSize, gap), places: chosen.map((i) => places[i]!) };
}

function listView(view: DataDescriptor, places: number[], random: Random): Made {
  const ranges: [number, number][] = [];
  for (let at = random(4); at < places.length; at += random(6)) {
    const length = Math.min(random(4), places.length - at);
    ranges.push([at, length]);
    at += length;
  }
  const chosen = ranges.flatMap(([offset, length]) => upTo(length, offset));
  return { view: view.makeUnstructuredView(ranges), places: chosen.map((i) => places[i]!) };
}
