// From a box to the crop that the network sees, and back: the arithmetic of keras_apn/inference.py, whose
// ScaleAndTranslate (triangle kernel, antialias) this follows number by number, in float32 where the edges decide.

const f32 = Math.fround;
const CHANNELS = 3;
const RADIUS = 1;

/**
 * The square that a box's crop shows.
 *
 * @param box `[x, y, width, height]` in pixels from the picture's corner; zeros mean the whole picture.
 * @param margin how much wider than the box the crop is, `box_margin` of the metadata.
 * @returns `{center: [x, y], side}`, pixel centres at integers.
 */
export function squareOfBox(box, width, height, margin) {
  const [x, y, w, h] = box.map(f32);
  if (box.every((value) => value === 0)) {
    return { center: [f32(width / 2 - 0.5), f32(height / 2 - 0.5)], side: Math.max(width, height) };
  }
  const middle = (start, length) => f32(f32(start + f32(length / 2)) - 0.5);
  return { center: [middle(x, w), middle(y, h)], side: f32(f32(margin) * Math.max(w, h)) };
}

/**
 * Cuts a square out of a picture, smoothing where it gets smaller; black outside.
 *
 * @param picture `{width, height, pixels}` with RGBA bytes, as `ImageData` has them.
 * @param square of `squareOfBox`.
 * @param size side of the crop.
 * @returns Float32Array `[size, size, 3]` within 0 and 1.
 */
export function cropImage({ width, height, pixels }, { center, side }, size) {
  const scale = f32(size / side);
  const translation = (place) => f32(-f32(f32(place + 0.5) - f32(side / 2)) * scale);
  const columns = spans(size, width, scale, translation(center[0]));
  const rows = spans(size, height, scale, translation(center[1]));
  const crop = new Float32Array(size * size * CHANNELS);
  const narrowed = new Map();
  rows.forEach((row, y) => {
    const sum = new Float64Array(size * CHANNELS);
    row.weights.forEach((weight, k) => {
      const source = row.start + k;
      if (!narrowed.has(source)) {
        narrowed.set(source, narrowedRow(pixels, source * width * 4, columns));
      }
      const values = narrowed.get(source);
      for (let i = 0; i < sum.length; i++) sum[i] += weight * values[i];
    });
    for (const source of narrowed.keys()) if (source < row.start) narrowed.delete(source);
    crop.set(sum.map((value) => Math.min(1, Math.max(0, value / 255))), y * sum.length);
  });
  return crop;
}

/** Joints in crop pixels, `[[x, y], ...]`, in pixels of the picture. */
export function jointsToImage(joints, { center, side }, size) {
  const away = (value) => (value - (size - 1) / 2) * (side / size);
  return joints.map(([x, y]) => [center[0] + away(x), center[1] + away(y)]);
}

/** One row of the picture at the crop's width: `[size, 3]`. */
function narrowedRow(pixels, offset, columns) {
  const row = new Float32Array(columns.length * CHANNELS);
  columns.forEach(({ start, weights }, x) => {
    for (let channel = 0; channel < CHANNELS; channel++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * pixels[offset + (start + k) * 4 + channel];
      row[x * CHANNELS + channel] = sum;
    }
  });
  return row;
}

/** Which source samples each target sample is made of: `{start, weights}`, without weights where it lies outside. */
function spans(targets, sources, scale, translation) {
  const inverse = f32(1 / scale);
  const shift = f32(-inverse * translation);
  const stretch = Math.max(inverse, 1);
  return Array.from({ length: targets }, (_, target) => {
    const sample = f32(f32((target + 0.5) * inverse) + shift);
    if (sample < 0 || sample > sources) return { start: 0, weights: [] };
    const start = clamp(Math.ceil(f32(f32(sample - RADIUS * stretch) - 0.5)), sources);
    const end = clamp(Math.floor(f32(f32(sample + RADIUS * stretch) - 0.5)), sources) + 1;
    const weights = Array.from({ length: end - start }, (_, k) => triangle((start + k + 0.5 - sample) / stretch));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { start, weights: total > 0 ? weights.map((weight) => weight / total) : [] };
  });
}

function triangle(distance) {
  return Math.max(0, RADIUS - Math.abs(distance));
}

function clamp(index, sources) {
  return Math.min(Math.max(index, 0), sources - 1);
}
