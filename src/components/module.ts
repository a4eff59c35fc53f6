import type { ComponentSpec, PartitionSelector, Serializer, Validator } from "../model/component.ts";
import { describeValue } from "../model/describeValue.ts";
import { SluiceError } from "../model/errors.ts";
import { messageOf } from "../model/mapError.ts";
import { adapt, type ComponentOf, shapeOf } from "./adapt.ts";
import { moduleUrl } from "./moduleUrl.ts";
import type { ComponentKind } from "./types.ts";

/** How modules of the user's own are found and loaded. */
export interface ModuleOptions {
  /**
   * What a relative path is relative to: a URL, or the path of a directory.
   *
   * @default the working directory, or the address of the page in a browser
   */
  readonly baseUrl?: string | URL;
  /**
   * Loads a module by its absolute URL. A topic may have been made by somebody else, and opening it runs the modules that it
   * names: a function that throws here refuses them.
   *
   * @default a dynamic import
   */
  readonly importModule?: (url: string) => Promise<unknown>;
}

/** The two parts of a module type. */
export interface ModuleType {
  /** The name of the export. */
  readonly name: string;
  /** The path of the module. */
  readonly path: string;
}

/** Whether a type names a module of the user's own. @internal */
export function isModuleType(type: string): boolean {
  return type.includes(":");
}

/**
 * Takes a module type apart: `"energyCheck:./checks.js"` is the export `energyCheck` of `./checks.js`.
 *
 * The name is that of an export, exactly; `default` is the default export. Nothing stands in for an export that is missing.
 *
 * @param type - The `type` of a stored component.
 * @throws SluiceError `ERR_COMPONENT` when it is not of that form.
 *
 * @example
 * ```ts
 * import { parseModuleType } from "sluice";
 *
 * console.log(parseModuleType("energyCheck:./checks.js")); // { name: "energyCheck", path: "./checks.js" }
 * ```
 */
export function parseModuleType(type: string): ModuleType {
  // The first colon counts: the path may have more of them, in "file:///checks.js" for one.
  const [, name, path] = /^([\p{ID_Start}$_][\p{ID_Continue}$]*):(.+)$/u.exec(type) ?? [];
  if (name !== undefined && path !== undefined) return { name, path };
  throw new SluiceError(
    "ERR_COMPONENT",
    `A module type must look like "name:./module.js": current value is ${describeValue(type)}`,
    {
      details: { type, reason: "malformed" },
    },
  );
}

/**
 * Loads the module that a stored component names, and calls the export with the configuration: the spec without its `type`.
 *
 * @param spec - The stored component.
 * @param options - See {@link ModuleOptions}.
 * @returns What the export returned, waited for.
 * @throws SluiceError `ERR_COMPONENT`, with `details.path` and `details.reason`: `malformed`, `not-found`, `no-export`, `not-a-function` or
 * `failed` (the module or the export threw).
 * @internal
 */
export async function loadModule(spec: ComponentSpec, options: ModuleOptions = {}): Promise<unknown> {
  const { type, ...config } = spec;
  const { name, path } = parseModuleType(type);
  const factory = exportOf(await load(path, options), name, path);
  try {
    return await factory(config);
  } catch (cause) {
    throw failure(path, "failed", `its export "${name}" threw: ${messageOf(cause)}`, cause);
  }
}

/**
 * Loads a validator from a module. The export is called with the configuration (the spec without its `type`), may be
 * asynchronous, and returns a function that throws, or an object with `validate`.
 *
 * @param spec - The stored component: `{ type: "name:./module.js", ...config }`. The validator is stored the same way.
 * @param options - See {@link ModuleOptions}.
 * @throws SluiceError `ERR_COMPONENT`, with `details.path` and `details.reason`: `malformed`, `not-found`, `no-export`,
 * `not-a-function`, `failed` (the module or the export threw), or `wrong-shape` (it returned something else).
 *
 * @example
 * ```ts
 * import { EventData, loadValidatorModule } from "sluice";
 *
 * const module = {
 *   limit: ({ max }: { max: number }) => (metadata: { energy: number }) => {
 *     if (metadata.energy > max) throw new Error(`more than ${max}`);
 *   },
 * };
 * const validator = await loadValidatorModule({ type: "limit:./limit.js", max: 7 }, { importModule: async () => module });
 * console.log(validator.validate({ energy: 5 }, EventData.empty)); // { energy: 5 }
 * ```
 */
export function loadValidatorModule(spec: ComponentSpec, options: ModuleOptions = {}): Promise<Validator> {
  return loadComponentModule("validator", spec, options);
}

/**
 * Loads a partition selector from a module: the export returns a function, or an object with `select` or `start`.
 *
 * @param spec - The stored component, as in {@link loadValidatorModule}. The selector is stored the same way.
 * @param options - See {@link ModuleOptions}.
 * @throws SluiceError `ERR_COMPONENT` as {@link loadValidatorModule} does.
 *
 * @example
 * ```ts
 * import { loadPartitionSelectorModule } from "sluice";
 *
 * const module = { last: () => (_metadata: unknown, partitions: readonly unknown[]) => partitions.length - 1 };
 * const selector = await loadPartitionSelectorModule({ type: "last:./last.js" }, { importModule: async () => module });
 * console.log(selector.start()({}, [{ partition: 0 }, { partition: 1 }], undefined)); // 1
 * ```
 */
export function loadPartitionSelectorModule(
  spec: ComponentSpec,
  options: ModuleOptions = {},
): Promise<PartitionSelector> {
  return loadComponentModule("partitionSelector", spec, options);
}

/**
 * Loads a serializer from a module: the export returns an object with `serialize`, `deserialize` and `form`.
 *
 * @param spec - The stored component, as in {@link loadValidatorModule}. The serializer is stored the same way.
 * @param options - See {@link ModuleOptions}.
 * @throws SluiceError `ERR_COMPONENT` as {@link loadValidatorModule} does.
 *
 * @example
 * ```ts
 * import { loadSerializerModule } from "sluice";
 *
 * const module = {
 *   hex: () => ({ form: "text", serialize: (n: number) => n.toString(16), deserialize: (text: string) => Number.parseInt(text, 16) }),
 * };
 * const serializer = await loadSerializerModule({ type: "hex:./hex.js" }, { importModule: async () => module });
 * console.log(serializer.serialize(255)); // ff
 * ```
 */
export function loadSerializerModule(spec: ComponentSpec, options: ModuleOptions = {}): Promise<Serializer> {
  return loadComponentModule("serializer", spec, options);
}

/** Loads a component of any kind. @internal */
export async function loadComponentModule<K extends ComponentKind>(
  kind: K,
  spec: ComponentSpec,
  options: ModuleOptions,
): Promise<ComponentOf[K]> {
  const like = await loadModule(spec, options);
  const component = adapt(kind, like, spec);
  if (component !== undefined) return component;
  const { name, path } = parseModuleType(spec.type);
  throw failure(
    path,
    "wrong-shape",
    `its export "${name}" must return ${shapeOf(kind)}: current value is ${describeValue(like)}`,
  );
}

async function load(path: string, { baseUrl, importModule = importByUrl }: ModuleOptions): Promise<unknown> {
  const url = moduleUrl(path, baseUrl);
  if (url === undefined)
    throw failure(path, "malformed", "it must be a relative or absolute path on this machine, or a file: URL");
  try {
    return await importModule(url);
  } catch (cause) {
    const isMissing = (cause as { code?: unknown } | null)?.code === "ERR_MODULE_NOT_FOUND";
    throw failure(path, isMissing ? "not-found" : "failed", messageOf(cause), cause);
  }
}

/** Bundlers leave this import as it is: nobody knows the modules before the program runs. */
function importByUrl(url: string): Promise<unknown> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ url);
}

function exportOf(module: unknown, name: string, path: string): (config: object) => unknown {
  const exports = Object(module) as Record<string, unknown>;
  if (!Object.hasOwn(exports, name)) {
    const names = Object.keys(exports).join(", ") || "nothing";
    throw failure(path, "no-export", `it does not export "${name}", only ${names}`);
  }
  const factory = exports[name];
  if (typeof factory === "function") return factory as (config: object) => unknown;
  throw failure(
    path,
    "not-a-function",
    `its export "${name}" must be a function: current value is ${describeValue(factory)}`,
  );
}

function failure(path: string, reason: string, message: string, cause?: unknown): SluiceError {
  return new SluiceError("ERR_COMPONENT", `The component module ${path} cannot be used: ${message}`, {
    cause,
    details: { path, reason },
  });
}
