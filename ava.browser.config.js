// The suite that needs a real browser: `npm run test:browser` builds the page and runs it.
export default {
  files: ["test/browser/**/*.test.ts"],
  extensions: ["ts"],
  nodeArguments: ["--conditions=sluice-source"],
  workerThreads: false, // As in ava.config.js.
  timeout: "5m",
};
