import type { Schema, Type as AvroType } from "avsc";
import { readAvroFile } from "./avroReader.ts";
import { SluiceError } from "../../../src/model/errors.ts";

/** What an Avro file has in it. */
export interface AvroContent {
  readonly records: readonly unknown[];
  /** The schema that they were written with, as JSON. */
  readonly schema: unknown;
}

/**
 * Reads an Avro object container file, the form in which hop sends Avro. Its codec may be `null` or `deflate`.
 *
 * @param bytes - The file. It may come from anybody: what it asks for is bounded by what it has.
 * @returns Its records; undefined when it is none.
 *
 * @example
 * ```ts no-run
 * import { formatAvro, parseAvro } from "sluice/backends/kafka";
 *
 * console.log(parseAvro(await formatAvro({ records: [{ ra: 1.5 }] }))?.records); // [ { ra: 1.5 } ]
 * ```
 */
export function parseAvro(bytes: Uint8Array): AvroContent | undefined {
  try {
    return readAvroFile(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Writes an Avro object container file, with the package `avsc`.
 *
 * @param content - The records, and their schema; one that fits them is found when it is left out.
 * @returns The file. Rejects with `ERR_MISSING_DEPENDENCY` without the package, and with a TypeError when a record does not fit.
 *
 * @example
 * ```ts no-run
 * import { formatAvro } from "sluice/backends/kafka";
 *
 * console.log((await formatAvro({ records: [{ ra: 1.5 }] })).length);
 * ```
 */
export async function formatAvro({
  records,
  schema,
}: {
  readonly records: readonly unknown[];
  readonly schema?: unknown;
}): Promise<Uint8Array> {
  const { streams, Type } = await load();
  const type = schema === undefined ? fittingType(Type, records) : Type.forSchema(schema as Schema);
  const wrong = records.findIndex((record) => !type.isValid(record));
  if (wrong >= 0) throw new TypeError(`Record ${wrong} does not fit the Avro schema`);
  return new Promise((resolve, reject) => {
    const encoder = new streams.BlockEncoder(type, { writeHeader: "always" });
    const pieces: Buffer[] = [];
    encoder.on("data", (piece: Buffer) => pieces.push(piece));
    encoder.on("error", reject);
    encoder.on("end", () => resolve(new Uint8Array(Buffer.concat(pieces))));
    for (const record of records) encoder.write(record);
    encoder.end();
  });
}

/** A type that all records fit. */
function fittingType(Type: typeof AvroType, records: readonly unknown[]): AvroType {
  if (records.length === 0) return Type.forSchema("string");
  const named = { typeHook: nameRecords() }; // A record without a name is refused by other readers.
  const types = records.map((each) => Type.forValue(each as object, named));
  return Type.forTypes(types, named);
}

function nameRecords() {
  let count = 0;
  return (schema: unknown): undefined => {
    const given = schema as { type?: unknown; name?: string };
    if (given.type === "record") given.name ??= `Record${count++}`;
    return undefined;
  };
}

async function load() {
  try {
    return (await import("avsc")).default;
  } catch (cause) {
    const problem = 'Avro needs the package "avsc": npm install avsc';
    throw new SluiceError("ERR_MISSING_DEPENDENCY", problem, { cause, details: { package: "avsc" } });
  }
}
