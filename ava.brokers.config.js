// The suite that needs real brokers: `npm run test:brokers` starts them and runs it.
export default {
  files: ["test/brokers/**/*.test.ts"],
  extensions: ["ts"],
  nodeArguments: ["--conditions=sluice-source"],
  concurrency: 1, // Each file has brokers to itself.
  workerThreads: false, // As in ava.config.js.
  timeout: "15m", // Longer than any test has, so that a test that stands still is named.
};
