#!/usr/bin/env node
// The solc command line that forge asks for, over the solc of npm. It knows `--version` and `--standard-json`.
// forge insists on a compiler of the project's version even when its cache leaves nothing to compile.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  console.log(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("solc.mjs: expected --version or --standard-json");
  process.exit(1);
}
