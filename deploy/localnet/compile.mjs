// Compiles the contracts of this folder and prints {name: {bytecode, runtime, selectors}} as JSON.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
const folder = new URL("./contracts/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();

const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: Object.fromEntries(names.map((name) => [name, { content: readFileSync(new URL(name, folder), "utf8") }])),
      settings: {
        evmVersion: "prague",
        optimizer: { enabled: true, runs: 200 },
        outputSelection: {
          "*": { "*": ["evm.bytecode.object", "evm.deployedBytecode.object", "evm.methodIdentifiers"] },
        },
      },
    }),
  ),
);

const problems = (output.errors ?? []).filter((problem) => problem.severity === "error");
if (problems.length > 0) {
  console.error(problems.map((problem) => problem.formattedMessage).join("\n"));
  process.exit(1);
}

const contracts = {};
for (const file of Object.values(output.contracts)) {
  for (const [name, { evm }] of Object.entries(file)) {
    contracts[name] = {
      bytecode: `0x${evm.bytecode.object}`,
      runtime: `0x${evm.deployedBytecode.object}`,
      selectors: evm.methodIdentifiers,
    };
  }
}
console.log(JSON.stringify(contracts));
