export {
  Access,
  hashToken,
  makeToken,
  rights,
  type AccessOptions,
  type AccessRule,
  type Credential,
  type Right,
  type TokenEntry,
} from "./access.ts";
export type {
  Listener,
  ServeOptions,
  ServiceLimits,
  ServiceLogger,
  ServiceRank,
  ServiceTls,
  TcpListener,
  UnixListener,
  WebSocketListener,
} from "./options.ts";
export { serve, type Service, type ServiceStatistics } from "./serve.ts";
