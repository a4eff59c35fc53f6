import type { BinarySerializer } from "../model/component.ts";
import { asUndecodable, asUnserializable } from "../model/serializers/serializationErrors.ts";
import { importOptional } from "./importOptional.ts";

/**
 * Makes the serializer that writes metadata as CBOR (RFC 8949). It needs the optional package `cbor-x`, which is loaded when this
 * is called.
 *
 * Beside what JSON has it keeps `Uint8Array`s, dates, BigInts and undefined. Objects are written as plain maps, and byte strings without
 * a tag, so that any other CBOR library reads them. A property named `__proto__` does not survive.
 *
 * @returns A serializer that is stored as `{ type: "cbor" }`. Writing throws SluiceError `ERR_SERIALIZATION` (a cycle, for instance),
 * reading throws `ERR_UNDECODABLE`. A `Uint8Array` that was read is a view of the bytes it was read from.
 * @throws SluiceError `ERR_MISSING_DEPENDENCY` when `cbor-x` is not installed.
 *
 * @example
 * ```ts
 * import { loadCbor } from "sluice";
 *
 * const serializer = await loadCbor<{ energy: number }>();
 * const bytes = await serializer.serialize({ energy: 7 });
 * console.log(await serializer.deserialize(bytes)); // { energy: 7 }
 * ```
 */
export async function loadCbor<M = unknown>(): Promise<BinarySerializer<M>> {
  const { Encoder } = await importOptional("cbor-x", "The CBOR serializer", () => import("cbor-x"));
  const encoder = new Encoder({ tagUint8Array: false, useRecords: false, mapsAsObjects: true });
  return {
    spec: { type: "cbor" },
    form: "bytes",
    serialize(metadata) {
      try {
        // The encoder hands out a view of a pool that it goes on writing into, so the bytes are copied out of it.
        return new Uint8Array(encoder.encode(metadata));
      } catch (error) {
        throw asUnserializable(error);
      }
    },
    deserialize(bytes) {
      try {
        return encoder.decode(bytes) as M;
      } catch (error) {
        throw asUndecodable(error);
      }
    },
  };
}
