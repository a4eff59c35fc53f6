import { SluiceError } from "../errors.ts";
import { messageOf } from "../mapError.ts";

/** The error of metadata that a serializer cannot write. @internal */
export function unserializable(
  reason: string,
  { path = "", cause }: { path?: string; cause?: unknown } = {},
): SluiceError {
  const subject = path === "" ? "The metadata" : `The metadata at ${path}`;
  return new SluiceError("ERR_SERIALIZATION", `${subject} cannot be serialized: ${reason}`, {
    cause,
    details: { path },
  });
}

/** The error of text or bytes that a serializer cannot read. @internal */
export function undecodable(reason: string, cause?: unknown): SluiceError {
  return new SluiceError("ERR_UNDECODABLE", `The stored metadata cannot be decoded: ${reason}`, { cause });
}

/** Whatever a serializer threw, as `ERR_SERIALIZATION`. @internal */
export function asUnserializable(error: unknown): SluiceError {
  if (error instanceof SluiceError && error.code === "ERR_SERIALIZATION") return error;
  return unserializable(firstLine(error), { cause: error });
}

/** Whatever a deserializer threw, as `ERR_UNDECODABLE`. @internal */
export function asUndecodable(error: unknown): SluiceError {
  if (error instanceof SluiceError && error.code === "ERR_UNDECODABLE") return error;
  return undecodable(firstLine(error), error);
}

/** Some messages of engines draw a picture below their first line. */
function firstLine(error: unknown): string {
  return messageOf(error).split("\n", 1)[0] ?? "";
}
