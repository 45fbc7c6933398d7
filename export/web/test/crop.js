// Crops by src/crop.js of pictures and boxes from standard input, for tests/test_web.py to compare.
import { text } from "node:stream/consumers";
import { cropImage, squareOfBox } from "../src/crop.js";

const cases = JSON.parse(await text(process.stdin));
const crops = cases.map(({ width, height, pixels, box, margin, size }) => {
  const square = squareOfBox(box, width, height, margin);
  return [...cropImage({ width, height, pixels }, square, size)];
});
console.log(JSON.stringify(crops));
