// A skeleton over a picture, as data_pipeline/drawing.py draws it: sides by colour, rings for occluded joints.

const NAMESPACE = "http://www.w3.org/2000/svg";
// As of keras_apn/visualize.py.
const OCCLUDED_FROM = 0.5;

/** Whether each joint is drawn as occluded; none is where the model does not tell. */
export function occludedJoints(found) {
  return found.joints.map((_, i) => (found.occluded?.[i] ?? 0) >= OCCLUDED_FROM);
}

/**
 * A group of lines and dots.
 *
 * @param about the metadata: `joints` and `limbs` by name.
 * @param found one person's `joints` in pixels of the picture, and `occluded`.
 * @param unit half a limb's width, in pixels of the picture.
 */
export function drawSkeleton(about, found, unit) {
  const hidden = occludedJoints(found);
  // A pixel's centre is an integer to the model and a half to the drawing.
  const places = found.joints.map(([x, y]) => [x + 0.5, y + 0.5]);
  const group = element("g", { class: "skeleton" });
  for (const names of about.limbs) {
    const ends = names.map((name) => about.joints.indexOf(name));
    const [[ax, ay], [bx, by]] = ends.map((end) => places[end]);
    const kind = ends.map((end) => side(about, end)).find((of) => of !== "middle") ?? "middle";
    for (const end of ends) {
      const [x1, y1] = places[end];
      const line = { x1, y1, x2: (ax + bx) / 2, y2: (ay + by) / 2, class: `limb ${kind}` };
      group.append(element("line", { ...line, "stroke-width": hidden[end] ? unit : 2 * unit }));
    }
  }
  places.forEach(([cx, cy], i) => {
    const kind = hidden[i] ? "occluded" : side(about, i);
    const dot = element("circle", { cx, cy, r: hidden[i] ? 3 * unit : 2 * unit, class: `joint ${kind}` });
    dot.style.strokeWidth = hidden[i] ? unit : unit / 2;
    dot.append(named(readable(about.joints[i])));
    group.append(dot);
  });
  return group;
}

/** A rectangle around a person, with a number where there are several. */
export function drawBox([x, y, width, height], unit, number) {
  const group = element("g", { class: "box" });
  group.append(element("rect", { x, y, width, height, "stroke-width": unit }));
  if (number !== undefined) {
    const label = element("text", { x: x + 2 * unit, y: y + 9 * unit, "font-size": 8 * unit, "stroke-width": unit });
    label.textContent = number;
    group.append(label);
  }
  return group;
}

/** "left_ankle" as people write it. */
export function readable(name) {
  return name.replaceAll("_", " ");
}

/** Which side the joint at a place is of; exports of old tell it by its name alone. */
export function side(about, i) {
  return (about.sides ? about.sides[i] : /^(right|left)_/.exec(about.joints[i])?.[1]) ?? "middle";
}

function named(text) {
  const title = element("title", {});
  title.textContent = text;
  return title;
}

function element(name, attributes) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
