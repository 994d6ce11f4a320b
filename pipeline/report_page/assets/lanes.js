// A lane a person: visits as bars on the time axis, links between them, and the keys that move through both.

const lanesBox = byId("lanes");
const axisBox = byId("axis");
const narrow = matchMedia("(max-width: 700px)");
const at = { lane: 0, cell: 0 }; // where the keyboard is: place in the list, 0 for the name and 1, 2, ... for visits
const gridBox = el("div", { className: "grid-lines", "aria-hidden": "true" });
lanesBox.append(gridBox);
let trackPx = 600; // width of the axis

const barPx = () => (narrow.matches ? 30 : 24);
const laneHeight = (item) => (narrow.matches ? 62 + 34 * item.rows : Math.max(68, 16 + 28 * item.rows));
const xOf = (seconds) => ((seconds - choice.fromS) / (choice.toS - choice.fromS)) * trackPx;

const laneList = new WindowedList(lanesBox, makeLane, laneHeight);

function makeLane(item, index) {
  const { lane } = item;
  const row = el("div", { className: "lane", role: "row", "aria-rowindex": index + 1 });
  row.dataset.index = index;
  const cameraNames = lane.cameras.map((camera) => cameras[camera].name).join(", ");
  const who = el(
    "div",
    { className: "who", role: "rowheader", tabIndex: -1,
      "aria-label": `${lane.name}, ${count(lane.visits.length, "visit")} in ${cameraNames}, first seen at ${clock(lane.startS)}${doubtWords(lane)}` },
    picture(lane.portrait, "portrait"),
    el("span", { className: "who-text" },
      el("span", { className: "name" }, typed(lane.name)),
      el("span", { className: "meta" }, metaOf(lane)),
      lane.ambiguous ? el("span", { className: "chip ambiguous", textContent: `${lane.ambiguous} ambiguous` }) : null,
      lane.isStill ? el("span", { className: "chip still", textContent: "never moved", title: STILL_WORDS }) : null),
  );
  who.dataset.cell = 0;
  const track = el("div", { className: "track", role: "none" }, connectors(item));
  item.visits.forEach((visit, place) => track.append(makeBar(visit, item, place + 1)));
  row.append(who, track);
  if (selected.lane === lane) row.classList.add("selected");
  giveTabStop(row, index);
  return row;
}

const STILL_WORDS = "The picture at this place did not change: a thing, or somebody who kept very still";
const doubtWords = (lane) =>
  (lane.ambiguous ? `, ${count(lane.ambiguous, "ambiguous link")}` : "") + (lane.isStill ? ", never moved" : "");

function metaOf(lane) {
  if (lane.person === null) return typed(cameras[lane.visits[0].camera].name);
  const seen = count(lane.visits.length, "visit");
  return run.names[lane.person] ? `no. ${lane.person} · ${seen}` : `${seen} · ${count(lane.cameras.length, "camera")}`;
}

function makeBar(visit, item, cell) {
  const left = Math.max(0, xOf(visit.startS));
  const width = Math.max(8, Math.min(trackPx, xOf(visit.endS)) - left);
  const name = cameras[visit.camera].name;
  const times = `${clock(visit.startS, true)} to ${clock(visit.endS, true)}`;
  const bar = el("div", {
    className: "visit", role: "gridcell", tabIndex: -1, title: `${name}, track ${trackName(visit)}\n${times}`,
    "aria-label": `${item.lane.name} in ${name}, ${times}, track ${trackName(visit)}`,
  }, width > 44 ? typed(name) : null);
  bar.dataset.cell = cell;
  bar.style.left = `${Math.min(left, trackPx - 8)}px`;
  bar.style.width = `${width}px`;
  bar.style.top = `${rowTop(item.row.get(visit))}px`;
  bar.style.height = `${barPx()}px`;
  bar.style.setProperty("--hue", hueOf(visit.camera));
  if (selected.visit === visit) bar.classList.add("selected");
  return bar;
}

const rowTop = (row) => (narrow.matches ? 2 + 34 * row : 8 + 28 * row);

/** Lines between visits that were joined: how sure they are is in the dashes, not only in the colour. */
function connectors(item) {
  const drawn = svg("svg", { class: "connectors", width: trackPx, height: laneHeight(item), "aria-hidden": "true" });
  for (const link of item.lane.links.toReversed()) { // the doubtful ones on top
    if (!link.isJoined || typeof link.a !== "number" || typeof link.b !== "number") continue;
    const [first, second] = [visits[link.a], visits[link.b]].sort((a, b) => a.startS - b.startS);
    if (!item.row.has(first) || !item.row.has(second)) continue;
    const [y1, y2] = [first, second].map((visit) => rowTop(item.row.get(visit)) + barPx() / 2);
    const from = Math.min(xOf(first.endS), xOf(second.startS) + 10);
    const to = Math.max(xOf(second.startS), Math.min(from, xOf(second.endS)));
    drawn.append(svg("path", { class: `connector ${link.verdict}`, d: `M${from} ${y1}L${to} ${y2}` }));
    if (link.verdict === "ambiguous") {
      const [x, y] = [(from + to) / 2, (y1 + y2) / 2];
      drawn.append(svg("circle", { class: "mark", cx: x, cy: y, r: 8 }));
      const sign = svg("text", { class: "mark-text", x, y: y + 4, "text-anchor": "middle" });
      sign.textContent = "?";
      drawn.append(sign);
    }
  }
  return drawn;
}

/** Round times at which the axis has a mark, at most one in 90 pixels. */
function ticks() {
  const span = choice.toS - choice.fromS;
  const wanted = Math.max(1, Math.floor(trackPx / (HAS_HOURS ? 100 : 80)));
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const step = steps.find((one) => span / one <= wanted) ?? 86400 * Math.ceil(span / wanted / 86400);
  const found = [];
  for (let time = Math.ceil(choice.fromS / step) * step; time <= choice.toS + 1e-9; time += step) found.push(time);
  return { found, hasTenths: step < 1 };
}

function drawAxis() {
  const { found, hasTenths } = ticks();
  const marks = found.map((time) => {
    const mark = el("span", { className: "tick", textContent: clock(time, hasTenths) });
    mark.style.left = `${xOf(time)}px`;
    if (xOf(time) > trackPx - 24) mark.classList.add("last");
    else if (xOf(time) < 24) mark.classList.add("first");
    return mark;
  });
  axisBox.replaceChildren(el("div", { className: "axis-track" }, marks));
  drawGrid(found);
}

/** Lines behind all lanes: elements, since a background of gradients costs half of the painting. */
function drawGrid(found) {
  gridBox.replaceChildren(...found.map((time) => {
    const line = el("div", { className: "grid-line" });
    line.style.left = `${Math.round(xOf(time))}px`;
    return line;
  }));
}

function drawLanes() {
  const chosen = chosenLanes();
  const probe = axisBox.clientWidth - (narrow.matches ? 24 : 236);
  trackPx = Math.max(120, probe);
  drawAxis();
  lanesBox.setAttribute("aria-rowcount", chosen.length);
  byId("no-people").hidden = chosen.length > 0;
  at.lane = Math.min(at.lane, Math.max(0, chosen.length - 1));
  at.cell = Math.min(at.cell, chosen.length ? chosen[at.lane].visits.length : 0);
  laneList.show(chosen);
  return chosen;
}

// One element of the grid takes part in the order of Tab; arrow keys choose which.
function giveTabStop(row, index) {
  for (const cell of row.querySelectorAll("[data-cell]")) {
    cell.tabIndex = index === at.lane && Number(cell.dataset.cell) === at.cell ? 0 : -1;
  }
}

function moveTo(lane, cell, isFocused = true) {
  const items = laneList.items;
  if (!items.length) return;
  const before = laneList.rows.get(at.lane);
  at.lane = Math.max(0, Math.min(lane, items.length - 1));
  at.cell = Math.max(0, Math.min(cell, items[at.lane].visits.length));
  if (before) giveTabStop(before, Number(before.dataset.index));
  const sticky = narrow.matches ? 40 : 44;
  laneList.reveal(at.lane, sticky);
  const row = laneList.add(at.lane);
  giveTabStop(row, at.lane);
  if (isFocused) row.querySelector(`[data-cell="${at.cell}"]`).focus({ preventScroll: true });
}

/** Move some lanes down, to the cell that is nearest in time to the one that has the focus. */
function moveBy(count) {
  const lane = Math.max(0, Math.min(at.lane + count, laneList.items.length - 1));
  if (lane !== at.lane) moveTo(lane, cellNearest(lane));
}

function cellNearest(lane) {
  const items = laneList.items;
  if (at.cell === 0) return 0;
  const time = items[at.lane].visits[at.cell - 1].startS;
  const gaps = items[lane].visits.map((visit) => Math.abs(visit.startS - time));
  return 1 + gaps.indexOf(Math.min(...gaps));
}

const LANE_KEYS = {
  ArrowDown: () => moveBy(1),
  ArrowUp: () => moveBy(-1),
  ArrowRight: () => moveTo(at.lane, at.cell + 1),
  ArrowLeft: () => moveTo(at.lane, at.cell - 1),
  PageDown: () => moveBy(10),
  PageUp: () => moveBy(-10),
  Home: (event) => (event.ctrlKey ? moveTo(0, 0) : moveTo(at.lane, 0)),
  End: (event) => (event.ctrlKey ? moveTo(Infinity, Infinity) : moveTo(at.lane, Infinity)),
  Enter: () => openCell(true),
  " ": () => openCell(true),
  v: () => openVideo(),
  "+": () => zoomAt(0.5),
  "-": () => zoomAt(2),
  0: () => setTimes(WHOLE.fromS, WHOLE.toS),
};

lanesBox.addEventListener("keydown", (event) => {
  const act = LANE_KEYS[event.key];
  if (!act || event.altKey || event.metaKey || (event.ctrlKey && !["Home", "End"].includes(event.key))) return;
  event.preventDefault();
  act(event);
});

lanesBox.addEventListener("focusin", (event) => {
  const cell = event.target.closest("[data-cell]");
  if (!cell) return;
  const lane = Number(cell.closest(".lane").dataset.index);
  if (lane !== at.lane || Number(cell.dataset.cell) !== at.cell) moveTo(lane, Number(cell.dataset.cell), false);
});

lanesBox.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-cell]");
  if (!cell) return;
  moveTo(Number(cell.closest(".lane").dataset.index), Number(cell.dataset.cell));
  openCell(false);
});

function visitAt() {
  const item = laneList.items[at.lane];
  return item ? item.visits[Math.max(0, at.cell - 1)] : null;
}

function openCell(isKeyboard) {
  const item = laneList.items[at.lane];
  if (item) openPerson(item.lane, at.cell ? visitAt() : null, isKeyboard);
}

/** Show `factor` times as much time, around the visit that has the focus. */
function zoomAt(factor) {
  const visit = visitAt();
  if (!visit) return;
  const middle = (Math.max(visit.startS, choice.fromS) + Math.min(visit.endS, choice.toS)) / 2;
  zoomTo(middle, (choice.toS - choice.fromS) * factor);
}

/** Show `span` seconds around a moment, as far as the run has them, and never less than a second. */
function zoomTo(middle, span) {
  const wide = Math.min(Math.max(span, 1), WHOLE.toS - WHOLE.fromS);
  const fromS = Math.min(Math.max(WHOLE.fromS, middle - wide / 2), WHOLE.toS - wide);
  setTimes(Math.round(fromS * 10) / 10, Math.round((fromS + wide) * 10) / 10);
}

function openVideo() {
  const visit = visitAt();
  const address = visit && videoAt(visit);
  if (address) window.open(address, "_blank", "noopener");
}
