// Builds the page into dist/, with everything it needs: `npm run build`, or `npm run build -- MODEL` with a model too.
import { build } from "esbuild";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const from = (...parts) => join(here, ...parts);
const RUNTIME = ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"];

const copied = [
  from("src", "index.html"),
  from("src", "style.css"),
  ...RUNTIME.map((name) => from("node_modules", "onnxruntime-web", "dist", name)),
];

await rm(from("dist"), { recursive: true, force: true });
await mkdir(from("dist"));
for (const path of copied) {
  await copyFile(path, from("dist", basename(path)));
}
const model = process.argv[2];
if (model) {
  // npm changes to this folder; the path is one from where it was called.
  await copyFile(resolve(process.env.INIT_CWD ?? ".", model), from("dist", "model.onnx"));
}
await build({
  entryPoints: [from("src", "page.js")],
  outdir: from("dist"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  // ONNX Runtime's own files stay beside the page: its threads load them again.
  conditions: ["onnxruntime-web-use-extern-wasm"],
  logLevel: "warning",
});
