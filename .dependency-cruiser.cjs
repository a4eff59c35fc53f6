// The arrows of the house: which folder may import which. `npm run arrows` checks them, and so does
// test/house/arrows.test.ts, which also checks that no Node module is reachable from the browser-safe entries.

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "model-is-the-ground-floor",
      comment: "src/model imports src/model and rxjs; of other packages it may name types only.",
      severity: "error",
      from: { path: "^src/model/" },
      to: { pathNot: ["^src/model/", "(^|/)node_modules/rxjs/"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "model-names-no-type-of-the-house",
      comment: "A type-only import from another folder of the house is an arrow as well.",
      severity: "error",
      from: { path: "^src/model/" },
      to: { path: "^(src|operators|backends|cli|bench|examples|test)/", pathNot: "^src/model/" },
    },
    {
      name: "operators-stand-on-the-model",
      comment: "Operators import src/model, other operators, rxjs, and uuid for the identity of a producer; nothing else.",
      severity: "error",
      from: { path: "^operators/" },
      to: { pathNot: ["^src/model/", "^operators/", "(^|/)node_modules/(rxjs|uuid)/"] },
    },
    {
      name: "backends-stand-on-the-model",
      comment: "A backend imports src/model, itself and packages; never an operator, never another backend.",
      severity: "error",
      from: { path: "^backends/([^/]+)/" },
      to: {
        path: "^(src|operators|backends|cli|bench|examples|test)/",
        pathNot: ["^src/model/", "^backends/$1/"],
      },
    },
    {
      name: "src-names-no-backend",
      comment: "Only src/connect.ts knows the backends.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/connect\\.ts$" },
      to: { path: "^backends/" },
    },
    {
      name: "connect-loads-backends-lazily",
      comment: "src/connect.ts loads backends by dynamic import only.",
      severity: "error",
      from: { path: "^src/connect\\.ts$" },
      to: { path: "^backends/", dynamic: false },
    },
    {
      name: "nothing-stands-on-the-edge",
      comment: "Nothing that ships imports the command, the benchmarks, the examples or the tests.",
      severity: "error",
      from: { path: "^(src|operators|backends)/" },
      to: { path: "^(cli|bench|examples|test)/" },
    },
    {
      name: "edges-are-separate",
      comment: "The command, the benchmarks and the examples import neither each other nor the tests.",
      severity: "error",
      from: { path: "^(cli|bench|examples)/" },
      to: { path: "^(cli|bench|examples|test)/", pathNot: "^$1/" },
    },
    {
      name: "conformance-stands-alone",
      comment: "The exported suite ships, so it imports no backend and no other test.",
      severity: "error",
      from: { path: "^test/conformance/" },
      to: { path: "^(backends|cli|bench|examples|test)/", pathNot: "^test/conformance/" },
    },
    {
      name: "shipped-code-needs-no-dev-dependency",
      comment: "What ships imports dependencies and peers only.",
      severity: "error",
      // The page ships as the one file that it is bundled into.
      from: { path: "^(src|operators|backends|cli|test/conformance)/", pathNot: "^cli/page/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm-peer", "type-only"] },
    },
    {
      name: "no-circular",
      comment: "No cycles, of types neither.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment: "An import that cannot be resolved would escape the rules above.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // test/fixtures holds files that are wrong on purpose.
    exclude: { path: "^(dist|docs|test/fixtures)/" },
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      // "browser" first: "#threads" then leads to the file that must run everywhere.
      conditionNames: ["sluice-source", "browser", "import", "node", "default", "types"],
      exportsFields: ["exports"],
      extensions: [".ts", ".js", ".json", ".d.ts"],
      mainFields: ["module", "main", "types"],
    },
    builtInModules: { add: ["node:sqlite", "node:test", "node:sea"] },
  },
};
