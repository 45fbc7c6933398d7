// Visits the built page in a browser and tells what it shows; tests/test_web.py starts it.
//
// Standard input: JSON `{browser, visits: [visit, ...]}`, a visit being
//   {url, before, viewport, scheme, files: [path, ...], dropped, boxes: [[x1, y1, x2, y2], ...], screenshot}
// where `before` is a script that runs before the page's own, and boxes are dragged, in pixels of the picture.
// Standard output: JSON, for each visit `{status, wrong, about, people: [{box, milliseconds, joints}]}`, a joint being
// a row of the table: its name and exact numbers.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const { browser: executablePath, visits } = JSON.parse(await text(process.stdin));
// Chromium has no sandbox as root, as in containers.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const answers = [];
  for (const visit of visits) answers.push(await answer(visit));
  console.log(JSON.stringify(answers));
} finally {
  await browser.close();
}

async function answer({ url, before, viewport, scheme, files = [], dropped, boxes = [], screenshot }) {
  const page = await browser.newPage({ viewport, colorScheme: scheme });
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(new URL("/", url))) errors.push(request.url());
  });
  if (before) await page.addInitScript(before);
  await page.goto(url);
  await settled(page);
  for (const path of files) {
    const input = path.endsWith(".onnx") ? "#model-file" : "#picture-file";
    await page.setInputFiles(input, path);
    await settled(page);
  }
  if (dropped) await drop(page, dropped);
  for (const box of boxes) await drag(page, box);
  const people = [];
  const buttons = await page.locator("#people button").all();
  for (const choose of buttons.length ? buttons : [undefined]) {
    await choose?.click();
    if (await page.locator("#joints tr").count()) people.push(await page.evaluate(person));
  }
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
  const status = page.locator("#status");
  const wrong = await status.evaluate((found) => found.classList.contains("wrong"));
  const told = { status: await status.innerText(), wrong, about: await page.innerText("#about"), people, errors };
  await page.close();
  return told;
}

/** Waits until nothing is being done: what is, ends in an ellipsis, and may begin another. */
async function settled(page) {
  const idle = () => !/(…|^Starting.*)$/.test(document.querySelector("#status").textContent);
  for (let quiet = 0; quiet < 3; quiet++) {
    await page.waitForFunction(idle, undefined, { timeout: 60_000 });
    await page.waitForTimeout(60);
    if (!(await page.evaluate(idle))) quiet = -1;
  }
}

async function drop(page, path) {
  const content = [...(await readFile(path))];
  await page.evaluate(
    ([bytes, name]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
      document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    },
    [content, basename(path)],
  );
  await settled(page);
}

async function drag(page, [x1, y1, x2, y2]) {
  const surface = page.locator("#overlay");
  await surface.scrollIntoViewIfNeeded();
  const area = await surface.boundingBox();
  const scale = area.width / (await page.locator("#view canvas").evaluate((canvas) => canvas.width));
  await page.mouse.move(area.x + x1 * scale, area.y + y1 * scale);
  await page.mouse.down();
  await page.mouse.move(area.x + x2 * scale, area.y + y2 * scale, { steps: 3 });
  await page.mouse.up();
  await settled(page);
}

/** What the page tells of the person it shows; runs in the page. */
function person() {
  const exact = (cell) => Number(cell.querySelector("data").value);
  const rows = [...document.querySelectorAll("#joints tr")];
  return {
    box: document.querySelector("#box data").value.split(",").map(Number),
    milliseconds: exact(document.querySelector("#time")),
    joints: rows.map((row) => [row.querySelector("th").textContent, ...[...row.querySelectorAll("td")].map(exact)]),
    rings: document.querySelectorAll(".skeleton:not(.unchosen) .joint.occluded").length,
  };
}
