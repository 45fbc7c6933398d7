// The table of one person's joints.
import { occludedJoints, readable, side } from "./skeleton.js";

/** Rows for a table's body; without cells for what the model does not tell. */
export function jointRows(about, found) {
  const hidden = occludedJoints(found);
  return about.joints.map((name, i) => {
    const swatch = element("i", { className: `swatch ${hidden[i] ? "occluded" : side(about, i)}` });
    const [x, y] = found.joints[i];
    const values = [number(x, 1), number(y, 1), number(found.scores[i], 2)];
    if (found.occluded) values.push(number(found.occluded[i], 2));
    if (found.plausible) values.push(number(found.plausible[i], 2));
    const cells = values.map((value) => element("td", {}, value));
    const row = element("tr", { className: hidden[i] ? "hidden-joint" : "" });
    row.append(element("th", { scope: "row" }, swatch, readable(name)), ...cells);
    return row;
  });
}

/** A rounded number that carries the exact one. */
export function number(value, digits) {
  return element("data", { value: String(value) }, value.toFixed(digits));
}

export function element(name, properties, ...content) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...content);
  return made;
}
