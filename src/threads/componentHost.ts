import type { PartitionSelector, SelectPartition, Serializer, Validator } from "../model/component.ts";
import { EventData } from "../model/data.ts";
import { isPromiseLike } from "../model/isPromiseLike.ts";
import { loadComponent, type AnyComponent } from "./loadComponent.ts";
import type { ComponentDescription, ModuleComponent, ModuleTask } from "./poolTypes.ts";

/** Runs tasks on the thread it is made on. It loads each component once and keeps the state of each session. @internal */
export interface ComponentHost {
  /** Loads a component, or hands out the one that is loaded. */
  load(component: ModuleComponent): AnyComponent | Promise<AnyComponent>;
  /** Calls the task's method on its loaded component. Returns and throws what the method does. */
  call(component: AnyComponent, task: Omit<ModuleTask, "component">): unknown;
}

/** Makes a host that has loaded nothing yet. @internal */
export function makeComponentHost(): ComponentHost {
  const components = new WeakMap<ModuleComponent, AnyComponent | Promise<AnyComponent>>();
  const selections = new WeakMap<object, SelectPartition>();

  function load(component: ModuleComponent): AnyComponent | Promise<AnyComponent> {
    const known = components.get(component);
    if (known !== undefined) return known;
    const loading = loadComponent(component);
    components.set(component, loading);
    loading.then(
      (loaded) => components.set(component, loaded),
      () => components.delete(component), // The next task tries again.
    );
    return loading;
  }

  function selectionOf(selector: PartitionSelector, session: object | undefined): SelectPartition {
    const begun = session && selections.get(session);
    if (begun !== undefined) return begun;
    const selection = selector.start();
    if (session !== undefined) selections.set(session, selection);
    return selection;
  }

  function call(
    component: AnyComponent,
    { method, args, data = EventData.empty, session }: Omit<ModuleTask, "component">,
  ) {
    switch (method) {
      case "describe":
        return describe(component);
      case "validate":
        return (component as Validator).validate(args[0], data);
      case "select":
        return selectionOf(component as PartitionSelector, session)(...(args as Parameters<SelectPartition>));
      case "serialize":
        return (component as Serializer).serialize(args[0]);
      case "deserialize":
        return (component as Serializer<unknown> & { deserialize(form: unknown): unknown }).deserialize(
          args[0] as never,
        );
    }
  }

  return { load, call };
}

/** Loads, then calls; without a promise in between where nothing has to be waited for. @internal */
export function runOnHost(host: ComponentHost, task: ModuleTask): unknown {
  const component = host.load(task.component);
  return isPromiseLike(component) ? component.then((loaded) => host.call(loaded, task)) : host.call(component, task);
}

function describe(component: AnyComponent): ComponentDescription {
  const { readsData, form } = component as { readonly readsData?: unknown; readonly form?: "text" | "bytes" };
  return { readsData: readsData === true, ...(form !== undefined && { form }) };
}
