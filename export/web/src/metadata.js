// What an ONNX file tells of its joints. ONNX Runtime's web build does not hand it out, so the file itself is read:
// a protocol buffer, of whose top level one field is wanted.
import { Problem } from "./problem.js";

// Of onnx.proto3: ModelProto.metadata_props, and StringStringEntryProto's two.
const METADATA_PROPS = 14;
const KEY = 1;
const VALUE = 2;

// Protocol buffers' wire types.
const VARINT = 0;
const EIGHT_BYTES = 1;
const LENGTH = 2;
const FOUR_BYTES = 5;

/** The metadata of a model that `python -m export` wrote; `bytes` is a Uint8Array of the whole file. */
export function metadataOf(bytes) {
  let told;
  try {
    told = properties(bytes);
  } catch {
    throw new Problem("This file is no ONNX model, or is damaged.");
  }
  if (!("metadata" in told)) {
    throw new Problem("This model tells nothing of its joints; use a model.onnx that `python -m export` wrote.");
  }
  return JSON.parse(told.metadata);
}

/** All of a model's metadata_props, an object of strings. */
function properties(bytes) {
  const found = {};
  for (const [field, value] of fields(bytes)) {
    if (field === METADATA_PROPS) {
      const entry = Object.fromEntries(fields(value));
      found[text(entry[KEY])] = text(entry[VALUE]);
    }
  }
  return found;
}

/** Yields `[number, Uint8Array]` for each field that has a length, and passes over the others. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    // Numbers of more than 32 bits are no trouble: multiplied, not shifted.
    for (let value = 0, place = 1; ; place *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * place;
      if (byte < 128) return value;
      if (byte === undefined) throw new RangeError("the file ends within a number");
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === VARINT) varint();
    else if (kind === EIGHT_BYTES) at += 8;
    else if (kind === FOUR_BYTES) at += 4;
    else if (kind === LENGTH) {
      const end = varint() + at;
      if (end > bytes.length) throw new RangeError("the file ends within a field");
      yield [field, bytes.subarray(at, end)];
      at = end;
    } else throw new RangeError(`no wire type ${kind}`);
  }
}

function text(bytes) {
  return new TextDecoder().decode(bytes);
}
