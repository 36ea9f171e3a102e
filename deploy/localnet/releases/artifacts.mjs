// Prints the contracts of a release as JSON: {name: {bytecode, links: {library: [byte offset]}}}.
//
//   node artifacts.mjs v2 | v4 | v5
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const V2 = join(here, "node_modules", "l1-artifacts-v2", "dest");
const V2_EARLY = join(here, "node_modules", "l1-artifacts-v2-early", "dest");
const V4 = join(here, "..", "node_modules", "@aztec", "l1-artifacts");

const INFRASTRUCTURE = ["TestERC20", "GSE", "Registry", "GovernanceProposer", "Governance", "MockVerifier"];
const LIBRARIES = [
  "EmpireSlasherDeploymentExtLib",
  "RewardExtLib",
  "RollupOperationsExtLib",
  "TallySlasherDeploymentExtLib",
  "ValidatorOperationsExtLib",
];

/** {library: [offset]} of a compiler's {file: {library: [{start}]}} */
function links(references) {
  const found = {};
  for (const libraries of Object.values(references ?? {})) {
    for (const [name, places] of Object.entries(libraries)) found[name] = places.map(({ start }) => start);
  }
  return found;
}

async function packaged(folder, names) {
  const contracts = {};
  for (const name of names) {
    const module = await import(join(folder, `${name}Bytecode.js`));
    contracts[name] = {
      bytecode: module[`${name}Bytecode`],
      links: links(module[`${name}LinkReferences`]),
    };
  }
  return contracts;
}

const REMAPPINGS = [
  ["@oz/", "lib/openzeppelin-contracts/contracts/"],
  ["@openzeppelin/contracts/", "lib/openzeppelin-contracts/contracts/"],
  ["@aztec-blob-lib/", "src/mock/libraries/"],
  ["@aztec/", "src/"],
];

/** The sources that `entry` imports, itself included: {path: text}. */
function gathered(root, entry) {
  const sources = {};
  const gather = (path) => {
    if (sources[path] !== undefined) return;
    sources[path] = readFileSync(join(root, path), "utf8");
    for (const [, name] of sources[path].matchAll(/^\s*(?:import\s+[^;"]*|}\s*from\s+)"([^"]+)"\s*;/gm)) {
      const remapped = REMAPPINGS.find(([prefix]) => name.startsWith(prefix));
      if (name.startsWith(".")) gather(posix.join(posix.dirname(path), name));
      else gather(remapped ? remapped[1] + name.slice(remapped[0].length) : name);
    }
  };
  gather(entry);
  return sources;
}

/** The rollup and its libraries, compiled from sources with the settings of the package. */
function compiled(sources) {
  const solc = createRequire(import.meta.url)("../node_modules/solc");
  const wanted = ["evm.bytecode.object", "evm.bytecode.linkReferences", "abi"];
  const files = ["src/core/Rollup.sol", ...LIBRARIES.map((name) => `src/core/libraries/rollup/${name}.sol`)];
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: "Solidity",
        sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }])),
        settings: {
          evmVersion: "prague",
          remappings: REMAPPINGS.map(([prefix, path]) => `${prefix}=${path}`),
          optimizer: { enabled: true, runs: 200 },
          outputSelection: Object.fromEntries(files.map((file) => [file, { "*": wanted }])),
        },
      }),
    ),
  );
  const problems = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.formattedMessage).join("\n"));
  const contracts = {};
  for (const file of files) {
    for (const [name, { abi, evm }] of Object.entries(output.contracts[file])) {
      contracts[name] = { bytecode: `0x${evm.bytecode.object}`, links: links(evm.bytecode.linkReferences), abi };
    }
  }
  return contracts;
}

const RELEASES = {
  // The rollup of mainnet's v2; its slashing proposer is the earlier package's: only that one answers `getRound` as v2 does.
  v2: async () => ({
    ...(await packaged(V2, [...INFRASTRUCTURE, "Rollup", ...LIBRARIES, "Slasher"])),
    ...(await packaged(V2_EARLY, ["TallySlashingProposer"])),
  }),
  v4: async () => packaged(join(V4, "dest"), [...INFRASTRUCTURE, "Rollup", ...LIBRARIES, "Slasher", "TallySlashingProposer"]),
  v5: async () => {
    const { edited } = await import("./v5.mjs");
    return {
      ...(await RELEASES.v4()),
      ...compiled(edited(gathered(join(V4, "l1-contracts"), "src/core/Rollup.sol"))),
    };
  },
};

const release = RELEASES[process.argv[2]];
if (!release) {
  console.error(`artifacts.mjs: expected one of ${Object.keys(RELEASES).join(", ")}`);
  process.exit(1);
}
console.log(JSON.stringify(await release()));
