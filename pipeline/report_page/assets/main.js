// What is said about the run, the filters, the tabs; and everything is drawn for the first time.

function writeSummary() {
  byId("run-name").replaceChildren("· ", typed(run.run));
  const people = new Set(visits.map((visit) => visit.person).filter((person) => person !== null)).size;
  const parts = [count(cameras.length, "camera"), duration(lastS - firstS)];
  if (run.isLinked) {
    const joined = links.filter((link) => link.isJoined);
    const named = ["ambiguous", "probable", "certain"].map((verdict) => [joined.filter((link) => link.verdict === verdict).length, verdict]);
    const kinds = named.filter(([number]) => number).map(([number, verdict]) => `${number.toLocaleString("en")} ${verdict}`);
    const still = lanes.filter((lane) => lane.isStill && lane.person !== null).length;
    parts.unshift(count(people, "person", "people") + (still ? ` (${still} never moved)` : ""), count(visits.length, "visit"));
    if (joined.length) parts.push(`${count(joined.length, "link")} (${kinds.join(", ")})`);
  } else parts.unshift(`${count(visits.length, "track")}, not linked`);
  if (run.startedS !== null) parts.push(`${clock(0)} is ${new Date(run.startedS * 1000).toLocaleString()}`);
  byId("summary").textContent = parts.join(" · ");
  const notes = [...run.notes];
  if (!run.isLinked) notes.unshift("This run was not linked: each lane is one track of one camera, and a person may have several. mdpr-link joins them.");
  for (const camera of cameras) for (const note of camera.notes) notes.push([camera.name, note]);
  if (!visits.some((visit) => visit.pictures.length)) notes.push(["Pictures", "there are none in this report."]);
  for (const note of run.pictureNotes) notes.push(["Pictures", note]);
  byId("notes").replaceChildren(...(notes.length ? [el("ul", { "aria-label": "Notes about this report" }, notes.map((note) =>
    Array.isArray(note) ? el("li", {}, typed(note[0]), ": ", typed(note[1])) : el("li", { textContent: note })))] : []));
  byId("about").replaceChildren(el("dl", { className: "about" }, run.about.map(([word, text]) =>
    el("div", {}, el("dt", { textContent: word }), el("dd", {}, typed(text)))),
    cameras.filter((camera) => camera.source).map((camera) =>
      el("div", {}, el("dt", {}, "Camera ", typed(camera.name)), el("dd", {}, typed(camera.source))))));
}

function makeCameraChips() {
  byId("cameras").replaceChildren(...cameras.map((camera, index) => {
    const box = el("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      if (box.checked) choice.cameras.add(index);
      else choice.cameras.delete(index);
      redraw();
    });
    const chip = el("label", { className: "camera-chip" }, box, el("span", { className: "swatch" }), typed(camera.name));
    chip.style.setProperty("--hue", hueOf(index));
    return chip;
  }));
  byId("cameras").closest("fieldset").hidden = cameras.length < 2;
}

function chooseCameras(isChosen) {
  cameras.forEach((_, index) => (isChosen ? choice.cameras.add(index) : choice.cameras.delete(index)));
  for (const box of byId("cameras").querySelectorAll("input")) box.checked = isChosen;
  redraw();
}

function setTimes(fromS, toS) {
  Object.assign(choice, { fromS, toS });
  byId("from").value = clock(fromS, fromS % 1 !== 0);
  byId("to").value = clock(toS, toS % 1 !== 0);
  byId("time-error").textContent = "";
  redraw();
}

function readTimes() {
  const [fromS, toS] = ["from", "to"].map((id) => parseClock(byId(id).value));
  const isRight = fromS < toS;
  byId("time-error").textContent = isRight ? "" : `From and To: expected times such as ${clock(WHOLE.fromS)} and ${clock(WHOLE.toS)}, the first before the second.`;
  for (const id of ["from", "to"]) byId(id).setAttribute("aria-invalid", String(!isRight));
  if (!isRight) return;
  Object.assign(choice, { fromS, toS });
  redraw();
}

let drawing = 0;
/** Draw what is chosen, once for all changes before the next frame. */
function redraw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => { drawing = 0; drawAll(); });
}

function drawAll() {
  const hadFocus = lanesBox.contains(document.activeElement);
  const found = { people: chosenLanesNow(), links: drawLinks() };
  drawOverview();
  byId("reset").disabled = !isFiltered();
  byId("tab-people").textContent = `${run.isLinked ? "People" : "Tracks"} (${found.people.toLocaleString("en")})`;
  byId("tab-links").textContent = `Links (${found.links.length.toLocaleString("en")})`;
  const shown = byId("people").hidden ? count(found.links.length, "link") : count(found.people, "lane");
  byId("status").textContent = isFiltered() ? `${shown} shown` : "";
  if (hadFocus) moveTo(at.lane, at.cell);
}

const chosenLanesNow = () => drawLanes().length;

function chooseTab(name, isFocused) {
  for (const one of ["people", "links"]) {
    const isChosen = one === name;
    byId(one).hidden = !isChosen;
    const tab = byId(`tab-${one}`);
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    if (isChosen && isFocused) tab.focus();
  }
  redraw();
}

function resetFilters() {
  Object.assign(choice, { query: "", isDoubtful: false, isMoving: false });
  chooseCameras(true);
  byId("query").value = "";
  byId("doubtful").checked = byId("moving").checked = false;
  setTimes(WHOLE.fromS, WHOLE.toS);
}

function listen() {
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("query").addEventListener("input", () => { choice.query = byId("query").value; redraw(); });
  byId("order").addEventListener("change", () => { choice.order = byId("order").value; redraw(); });
  byId("kind").addEventListener("change", () => { choice.kind = byId("kind").value; redraw(); });
  byId("doubtful").addEventListener("change", () => { choice.isDoubtful = byId("doubtful").checked; redraw(); });
  byId("moving").addEventListener("change", () => { choice.isMoving = byId("moving").checked; redraw(); });
  for (const id of ["from", "to"]) byId(id).addEventListener("change", readTimes);
  byId("reset").addEventListener("click", resetFilters);
  byId("all-cameras").addEventListener("click", () => chooseCameras(true));
  byId("no-cameras").addEventListener("click", () => chooseCameras(false));
  const tabs = ["people", "links"];
  for (const name of tabs) {
    byId(`tab-${name}`).addEventListener("click", () => chooseTab(name, true));
    byId(`tab-${name}`).addEventListener("keydown", (event) => {
      if (["ArrowLeft", "ArrowRight"].includes(event.key)) chooseTab(tabs.find((one) => one !== name), true);
    });
  }
  byId("keys-button").addEventListener("click", () => {
    byId("keys").hidden = !byId("keys").hidden;
    byId("keys-button").setAttribute("aria-expanded", String(!byId("keys").hidden));
    redraw();
  });
  byId("theme-button").addEventListener("click", nextTheme);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      byId("query").focus();
    } else if (event.key === "Escape" && !isTyping) closeDetails();
  });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } else laneList.wake(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawOverview);
  addEventListener("hashchange", openHash);
}

const THEMES = ["auto", "dark", "light"];
function nextTheme() {
  const root = document.documentElement;
  const now = root.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  if (next === "auto") delete root.dataset.theme;
  else root.dataset.theme = next;
  byId("theme-button").textContent = `Theme: ${next}`;
  drawOverview();
}

/** report.html#person=3 opens that person. */
function openHash() {
  const found = /^#person=(\d+)$/.exec(location.hash);
  const lane = found && lanes.find((one) => one.person === Number(found[1]));
  if (!lane) return;
  chooseTab("people", false);
  drawAll();
  const place = laneList.items.findIndex((item) => item.lane === lane);
  if (place >= 0) moveTo(place, 0);
  openPerson(lane, null, true);
}

writeSummary();
makeCameraChips();
byId("links-explain").textContent = links.length ? ABOUT_LINKS
  : run.isLinked ? "There are no links: everybody was seen once, or why people were joined was not kept." : "This run was not linked, so there are no links. mdpr-link makes them.";
byId("moving-label").hidden = !lanes.some((lane) => lane.isStill);
byId("doubtful-label").hidden = byId("kind-label").hidden = !links.length;
if (!run.isLinked) byId("order").value = choice.order = "time";
listen();
byId("filter-box").open = !narrow.matches;
byId("filter-box").addEventListener("toggle", redraw);
narrow.addEventListener("change", () => { byId("filter-box").open = !narrow.matches; });
setTimes(WHOLE.fromS, WHOLE.toS);
drawAll();
openHash();
document.documentElement.dataset.ready = "true";
