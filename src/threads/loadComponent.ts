import { adapt, type ComponentOf, shapeOf } from "../components/adapt.ts";
import { loadModule } from "../components/module.ts";
import type { ComponentKind } from "../components/types.ts";
import { describeValue } from "../model/describeValue.ts";
import { SluiceError } from "../model/errors.ts";
import type { ModuleComponent } from "./poolTypes.ts";

/** A component of any kind, and whether it reads data. @internal */
export type AnyComponent = ComponentOf[ComponentKind] & { readonly readsData: boolean };

/**
 * Loads a component from its module. Unlike the loaders in src/components it keeps what the module says of `readsData`.
 *
 * @throws SluiceError `ERR_COMPONENT` when the module cannot be used. @internal
 */
export async function loadComponent({ kind, spec, baseUrl }: ModuleComponent): Promise<AnyComponent> {
  const like = await loadModule(spec, baseUrl === undefined ? {} : { baseUrl });
  const component = adapt(kind, like, spec);
  if (component === undefined) {
    throw new SluiceError(
      "ERR_COMPONENT",
      `The component module "${spec.type}" must return ${shapeOf(kind)}: current value is ${describeValue(like)}`,
      { details: { type: spec.type, reason: "wrong-shape" } },
    );
  }
  const { readsData } = like as { readonly readsData?: unknown };
  return { ...component, readsData: readsData === true };
}
