export default {
  files: ["test/**/*.test.ts", "!test/types/**", "!test/fixtures/**"],
  extensions: ["ts"],
  nodeArguments: ["--conditions=sluice-source"],
  timeout: "10m",
};
