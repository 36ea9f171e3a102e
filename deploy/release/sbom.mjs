#!/usr/bin/env node
// Everything that is compiled into the binary, as CycloneDX 1.6: name, version, licence, and the checksum of Cargo.lock.
// Writes to the file that is named and says how many there are, else to stdout; `--check` writes nothing. Fails where a component has no licence or
// checksum, so that nothing is shipped of which nobody knows what it is.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const cargo = (...words) =>
  execFileSync("cargo", words, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });

// What a release resolves to on this machine's target, build scripts and procedural macros included.
const tree = cargo(
  "tree", "--locked", "--package", "steward-commands", "--edges", "normal,build",
  "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}",
);
const lock = readFileSync(resolve(root, "Cargo.lock"), "utf8");
const checksums = new Map();
for (const part of lock.split("[[package]]").slice(1)) {
  const of = (name) => part.match(new RegExp(`^${name} = "(.*)"$`, "m"))?.[1];
  checksums.set(`${of("name")} ${of("version")}`, of("checksum"));
}

const faults = [];
const components = new Map();
for (const line of tree.split("\n").filter(Boolean)) {
  const [, name, version, licence] = line.match(/^(\S+) v(\S+)[^|]*\|(.*)$/) ?? [];
  if (!name) throw new Error(`cargo tree says what is not understood: ${line}`);
  const isOurs = /^steward(-|$)/.test(name);
  const checksum = checksums.get(`${name} ${version}`);
  if (!licence) faults.push(`${name} ${version} names no licence`);
  if (!isOurs && !checksum) faults.push(`${name} ${version} has no checksum in Cargo.lock`);
  if (isOurs) continue;
  components.set(`${name} ${version}`, {
    type: "library",
    "bom-ref": `pkg:cargo/${name}@${version}`,
    name,
    version,
    hashes: [{ alg: "SHA-256", content: checksum }],
    licenses: [{ expression: licence.replaceAll("/", " OR ") }],
    purl: `pkg:cargo/${name}@${version}`,
  });
}
// The font of the charts is compiled in too, and no crate.
components.set("~font", {
  type: "file",
  "bom-ref": "inter-medium",
  name: "Inter Medium (subset)",
  version: "4.001",
  licenses: [{ license: { id: "OFL-1.1" } }],
});
if (faults.length) {
  console.error(faults.join("\n"));
  process.exit(1);
}

const version = readFileSync(resolve(root, "Cargo.toml"), "utf8").match(/^version = "(.*)"$/m)[1];
const bom = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {
    component: {
      type: "application",
      "bom-ref": "steward",
      name: "steward",
      version,
      licenses: [{ expression: "MIT OR Apache-2.0" }],
    },
  },
  components: [...components.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one),
};
const [to] = process.argv.slice(2);
const text = JSON.stringify(bom, null, 1);
if (to && to !== "--check") writeFileSync(to, `${text}\n`);
console.log(to ? `${bom.components.length} components, each with licence and checksum` : text);
