// A picture's file as pixels.
import { Problem } from "./problem.js";

/**
 * Decodes a file that the browser can show.
 *
 * @returns `{width, height, pixels, canvas}`: RGBA bytes, and a canvas that shows them.
 * @throws Problem it is damaged, no picture, or too large for this device.
 */
export async function decodePicture(file) {
  const bitmap = await decoded(file);
  const { width, height } = bitmap;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  // Kept in memory, not on the graphics card, from where bytes need not come back as they were.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  try {
    context.drawImage(bitmap, 0, 0);
    return { width, height, pixels: context.getImageData(0, 0, width, height).data, canvas };
  } catch {
    throw new Problem(`${file.name} has ${width} x ${height} pixels, too many for this device; use a smaller one.`);
  } finally {
    bitmap.close();
  }
}

async function decoded(file) {
  try {
    // The bytes as they are in the file, not fitted to this screen's colours.
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Problem(`${file.name} is damaged, or no picture that this browser can read.`);
  }
}
