/** The mark of what `schema()` returns. It is the same in two copies of this library. @internal */
export const schemaMark: unique symbol = Symbol.for("sluice.schema");
