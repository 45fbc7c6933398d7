// The exported model in ONNX Runtime's web build.
import * as ort from "onnxruntime-web/wasm";
import { cropImage, jointsToImage, squareOfBox } from "./crop.js";
import { metadataOf } from "./metadata.js";
import { Problem } from "./problem.js";

const MOST_THREADS = 4;

/**
 * Fetches a model's file.
 *
 * @throws Problem there is none.
 */
export async function fetchModel(address) {
  const answer = await fetch(address).catch(() => undefined);
  if (!answer?.ok) throw new Problem(`There is no model at ${address}; put one there, or choose a file.`);
  return new Uint8Array(await answer.arrayBuffer());
}

/**
 * Readies a model.
 *
 * @param bytes Uint8Array of a model.onnx that `python -m export` wrote.
 * @returns `{about, threads, find(picture, box)}`: `about` is the export's metadata.
 * @throws Problem it is none, or the browser cannot run it.
 */
export async function loadModel(bytes) {
  if (typeof WebAssembly !== "object") {
    throw new Problem("This browser has no WebAssembly, which runs the model; use a current one.");
  }
  const about = metadataOf(bytes);
  // Threads share memory, which browsers allow only pages that are isolated from others (README).
  const threads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(".", import.meta.url).href;
  ort.env.logLevel = "error";
  const session = await started(bytes);
  // The first run is slow: memory is laid out and code still being compiled.
  const side = about.crop_size;
  await run(session, new Float32Array(side * side * 3), side);
  return { about, threads, find: (picture, box) => find(session, about, picture, box) };
}

async function started(bytes) {
  try {
    return await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  } catch (error) {
    throw new Problem(`This model cannot be run: ${error.message}`);
  }
}

async function run(session, crop, side) {
  return session.run({ crops: new ort.Tensor("float32", crop, [1, side, side, 3]) });
}

/**
 * One person's `{joints, scores, occluded, plausible, milliseconds}` in pixels of the picture; `occluded` and `plausible`
 * may be missing.
 */
async function find(session, about, picture, box) {
  const side = about.crop_size;
  const square = squareOfBox(box, picture.width, picture.height, about.box_margin);
  const crop = cropImage(picture, square, side);
  const before = performance.now();
  const found = await run(session, crop, side);
  const milliseconds = performance.now() - before;
  const { data } = found.joints;
  const joints = about.joints.map((_, i) => [data[2 * i], data[2 * i + 1]]);
  return {
    joints: jointsToImage(joints, square, side),
    scores: [...found.scores.data],
    occluded: found.occluded && [...found.occluded.data],
    plausible: found.plausible && [...found.plausible.data],
    milliseconds,
  };
}
