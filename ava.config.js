export default {
  files: ["test/**/*.test.ts", "!test/types/**", "!test/brokers/**", "!test/browser/**", "!test/fixtures/**"],
  extensions: ["ts"],
  nodeArguments: ["--conditions=sluice-source"],
  // A process for each file: threads that come and go share one engine for WebAssembly, and V8 has aborted the whole run there.
  workerThreads: false,
  timeout: "10m",
};
