/** `host:port,…` of the brokers that the suite runs on: `npm run test:brokers` starts them. */
export function brokersUnderTest(listener: "" | "_SASL" | "_TLS" = ""): string {
  const brokers = process.env[`SLUICE_KAFKA${listener}`];
  if (brokers === undefined) throw new Error("There are no brokers: run the suite by `npm run test:brokers`");
  return brokers;
}
