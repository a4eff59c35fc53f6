import { SluiceError } from "./model/errors.ts";

/** What `#kafka` is in a browser: a page cannot speak to a broker, but a service can be its gateway. @internal */
export function kafkaBackend(url: string): never {
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    `The Kafka backend needs Node.js: "${url}" cannot be opened in a browser, only through a service`,
  );
}
