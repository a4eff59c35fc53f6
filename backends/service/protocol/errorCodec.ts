import { errorCodes, SluiceError, type ErrorCode } from "../../../src/model/errors.ts";
import { decodeObject, encodeJson } from "./boundedJson.ts";

const maxText = 2000;
const maxDetails = 8000;

/**
 * Writes an error for the other side: its code, message and details. Never a stack, and of an error that is not a
 * `SluiceError` not even the message, since nobody knows what is in it.
 */
export function encodeError(error: unknown): Uint8Array {
  if (!(error instanceof SluiceError)) {
    return encodeJson({ code: "ERR_STORAGE", message: "The service failed; its log says more" });
  }
  return encodeJson({ code: error.code, message: error.message.slice(0, maxText), details: bounded(error.details) });
}

/** Reads an error that the other side wrote. A code of a later version reads as `ERR_STORAGE`. */
export function decodeError(bytes: Uint8Array): SluiceError {
  const { code, message, details } = decodeObject(bytes);
  const known = (errorCodes as readonly unknown[]).includes(code);
  return new SluiceError(known ? (code as ErrorCode) : "ERR_STORAGE", String(message), {
    details: typeof details === "object" && details !== null ? (details as Record<string, unknown>) : {},
  });
}

function bounded(details: Readonly<Record<string, unknown>>): unknown {
  try {
    const text = JSON.stringify(details) ?? "{}";
    return text.length > maxDetails ? {} : (JSON.parse(text) as unknown);
  } catch {
    return {}; // Something in it is not JSON.
  }
}
