// The layout of Sluice's own: any tool of Kafka can read it.
//
//   value                    the metadata, as the serializer of the topic wrote it
//   header sluice-data       the data, when it fits into the record
//   header sluice-chunks     where the data is when it is in chunks, see records/location.ts
//   header sluice-store      where it is when it is in a data store
//   header sluice-producer   "<producer>/<sequence>" on the first record of each batch of a named producer

import type { ProducerSequence } from "../../../src/model/batch.ts";
import { textOf, utf8, type Layout } from "./layout.ts";
import type { RecordView } from "../records/recordParts.ts";

const dataHeader = utf8("sluice-data");
const apartHeaders = { chunks: utf8("sluice-chunks"), store: utf8("sluice-store") } as const;
const producerHeader = utf8("sluice-producer");

/** Metadata as the value, everything else in headers. */
export const sluiceLayout: Layout = {
  name: "sluice",
  notes: "kept",
  write(parts, { batch, index, data, apart, sequence }) {
    const { metadata, metadataEnds } = batch;
    parts.value.add(metadata, index === 0 ? 0 : metadataEnds[index - 1], metadataEnds[index]);
    if (apart !== undefined) parts.header(apartHeaders[apart.where]).add(utf8(apart.text));
    else if (batch.dataEnds !== undefined && data.sizeAt(index) > 0) data.addTo(parts.header(dataHeader), index);
    if (sequence !== undefined) parts.header(producerHeader).add(utf8(sequence));
  },
  read(record, event) {
    event.set(record.bytes, Math.max(0, record.valueStart), Math.max(0, record.valueEnd));
    if (record.headerCount === 0) return;
    const data = record.find(dataHeader);
    if (data >= 0) event.data = record.headerValue(data);
    for (const where of ["chunks", "store"] as const) {
      const header = record.find(apartHeaders[where]);
      if (header >= 0) event.apart = { where, text: textOf(record.headerValue(header)) };
    }
  },
  producerOf: sequenceOf,
};

/** The producer and sequence that a record was marked with. */
export function sequenceOf(record: RecordView): ProducerSequence | undefined {
  const header = record.find(producerHeader);
  if (header < 0) return undefined;
  const text = textOf(record.headerValue(header));
  const slash = text.lastIndexOf("/");
  const sequence = Number(text.slice(slash + 1));
  return slash > 0 && Number.isSafeInteger(sequence) ? { id: text.slice(0, slash), sequence } : undefined;
}

/** How a record is marked. */
export function sequenceText(id: string, sequence: number): string {
  return `${id}/${sequence}`;
}
