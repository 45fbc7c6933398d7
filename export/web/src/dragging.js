// Boxes that are dragged over a picture.

// Shorter drags, in pixels of the screen, are clicks.
const LEAST = 8;

/**
 * Lets boxes be dragged over an element that shows a picture from edge to edge.
 *
 * @param surface the element.
 * @param size gives the picture's `{width, height}`, or undefined while there is none.
 * @param touch whether fingers drag boxes too; otherwise they scroll the page.
 * @param shown takes the box while it grows, `[x, y, width, height]` in whole pixels, and undefined at the end.
 * @param chosen takes it when it is done.
 */
export function dragBoxes(surface, { size, touch, shown, chosen }) {
  let start;
  const stop = () => {
    start = undefined;
    shown(undefined);
  };
  surface.addEventListener("pointerdown", (event) => {
    if (!size() || event.button !== 0 || (event.pointerType === "touch" && !touch())) return;
    start = [event.clientX, event.clientY];
    surface.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  surface.addEventListener("pointermove", (event) => {
    if (start) shown(boxBetween(surface, size(), start, [event.clientX, event.clientY]));
  });
  surface.addEventListener("pointerup", (event) => {
    const end = [event.clientX, event.clientY];
    const box = start && boxBetween(surface, size(), start, end);
    const long = start && Math.min(...end.map((place, i) => Math.abs(place - start[i]))) >= LEAST;
    stop();
    if (long) chosen(box);
  });
  surface.addEventListener("pointercancel", stop);
}

function boxBetween(surface, { width, height }, start, end) {
  const area = surface.getBoundingClientRect();
  const inside = (value, most) => Math.round(Math.min(Math.max(value, 0), 1) * most);
  const [x1, x2] = [start[0], end[0]].map((x) => inside((x - area.left) / area.width, width)).sort((a, b) => a - b);
  const [y1, y2] = [start[1], end[1]].map((y) => inside((y - area.top) / area.height, height)).sort((a, b) => a - b);
  return [x1, y1, Math.max(1, x2 - x1), Math.max(1, y2 - y1)];
}
