// The page: a picture comes in, people are found in it, and are shown.
import { dragBoxes } from "./dragging.js";
import { fetchModel, loadModel } from "./model.js";
import { decodePicture } from "./picture.js";
import { Problem } from "./problem.js";
import { drawBox, drawSkeleton } from "./skeleton.js";
import { element, jointRows, number } from "./table.js";

const MODEL = "model.onnx";
const WHOLE = [0, 0, 0, 0];

const part = Object.fromEntries([...document.querySelectorAll("[id]")].map((found) => [found.id, found]));

// What is shown: the model, the picture, its people as `{box, found}`, and which of them the table tells of.
const shown = { model: undefined, picture: undefined, people: [], chosen: 0, growing: undefined };

// One thing at a time, in the order in which they were asked for.
let last = Promise.resolve();

/** Does something that takes a while, and says so; what the user can mend is told in one sentence. */
function queue(doing, action) {
  last = last.then(async () => {
    say(doing);
    // Time to show it: the model then keeps the page busy.
    await new Promise((done) => setTimeout(done, 30));
    try {
      say((await action()) ?? "");
    } catch (error) {
      say(error instanceof Problem ? error.message : `This went wrong: ${error.message}`, true);
    }
    show();
  });
}

function say(text, wrong = false) {
  part.status.textContent = text;
  part.status.classList.toggle("wrong", wrong);
}

async function useModel(bytes) {
  shown.model = await loadModel(bytes);
  const boxes = shown.people.map((person) => person.box);
  shown.people = [];
  if (shown.picture) boxes.forEach(find);
  return shown.picture ? "" : "Ready.";
}

async function usePicture(file) {
  shown.picture = await decodePicture(file);
  shown.people = [];
  const { width, height, canvas } = shown.picture;
  part.view.style.setProperty("--width", width);
  part.view.style.setProperty("--ratio", width / height);
  part.view.replaceChildren(canvas, part.overlay);
  find(WHOLE);
}

/** Looks for a person; the whole picture is looked at only until a box is given, and the other way round. */
function find(box) {
  queue("Looking for joints …", async () => {
    if (!shown.model) throw new Problem("There is no model yet; choose a file.");
    const found = await shown.model.find(shown.picture, box);
    const others = shown.people.filter((person) => isWhole(person.box) === isWhole(box) && !isWhole(box));
    shown.people = [...others, { box, found }];
    shown.chosen = others.length;
  });
}

function isWhole(box) {
  return box.every((value) => value === 0);
}

function show() {
  const { model, picture, people } = shown;
  part.about.textContent = model ? described(model) : "No model";
  document.body.classList.toggle("single-task", Boolean(people[0] && !people[0].found.occluded));
  document.body.classList.toggle("without-p", Boolean(people[0] && !people[0].found.plausible));
  part.drop.classList.toggle("full", Boolean(picture));
  part.invitation.hidden = Boolean(picture);
  for (const name of ["view", "hint", "whole", "touch"]) part[name].hidden = !picture;
  for (const name of ["legend", "answers"]) part[name].hidden = !people.length;
  if (picture) showPicture();
  if (people.length) showPerson(people[shown.chosen]);
}

function described({ about, threads }) {
  const crop = `${about.crop_size} pixels`;
  return `${about.name} ${about.version}, ${crop}, ${about.licence}, ${threads} thread${threads > 1 ? "s" : ""}`;
}

function showPicture() {
  const { width, height } = shown.picture;
  const unit = Math.min(width, height) / 160;
  part.overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const groups = shown.people.flatMap(({ box, found }, i) => {
    const several = shown.people.length > 1;
    const frame = isWhole(box) ? [] : [drawBox(box, unit, several ? i + 1 : undefined)];
    const drawn = [...frame, drawSkeleton(shown.model.about, found, unit)];
    for (const group of drawn) group.classList.toggle("unchosen", i !== shown.chosen);
    return drawn;
  });
  if (shown.growing) groups.push(drawBox(shown.growing, unit));
  part.overlay.replaceChildren(...groups);
}

function showPerson({ box, found }) {
  part.time.replaceChildren(number(found.milliseconds, 0), " ms");
  part.box.replaceChildren(element("data", { value: box.join() }, isWhole(box) ? "the whole picture" : box.join(", ")));
  part.joints.replaceChildren(...jointRows(shown.model.about, found));
  const several = shown.people.length > 1;
  part.people.replaceChildren(...(several ? shown.people.map((_, i) => personButton(i)) : []));
}

function personButton(i) {
  const button = element("button", { type: "button", ariaPressed: String(i === shown.chosen) }, `Person ${i + 1}`);
  button.addEventListener("click", () => {
    shown.chosen = i;
    show();
    part.people.children[i].focus();
  });
  return button;
}

/** A file that was chosen or dropped: a model by its name's ending, a picture otherwise. */
function take(file) {
  if (!file) return;
  if (file.name.toLowerCase().endsWith(".onnx")) {
    queue("Loading the model …", async () => useModel(new Uint8Array(await file.arrayBuffer())));
  } else {
    queue("Reading the picture …", () => usePicture(file));
  }
}

for (const input of [part["picture-file"], part["model-file"]]) {
  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = ""; // So that the same file can be chosen again.
  });
}
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    part.drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
part.whole.addEventListener("click", () => find(WHOLE));
part.touch.addEventListener("click", () => {
  const marking = part.overlay.classList.toggle("marking");
  part.touch.ariaPressed = String(marking);
});
dragBoxes(part.overlay, {
  size: () => shown.picture,
  touch: () => part.overlay.classList.contains("marking"),
  shown: (box) => {
    shown.growing = box;
    showPicture();
  },
  chosen: find,
});
queue("Loading the model …", async () => {
  const address = new URLSearchParams(location.search).get("model") ?? MODEL;
  return useModel(await fetchModel(address));
});
