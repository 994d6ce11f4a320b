// The details of a person or a link: pictures, visits with their videos, links with their reasons.

const detailsBox = byId("details");
const selected = { lane: null, visit: null, link: null };
const sheet = matchMedia("(max-width: 1100px)"); // there the details lie over the page
let backTo = null; // what had the focus before; the box of the lanes stands for any cell of it, which may be made anew

function openPerson(lane, visit, isKeyboard) {
  select(lane, visit, null);
  const heading = el("h2", { tabIndex: -1 }, typed(lane.name));
  const spans = `${clock(lane.startS)} to ${clock(lane.endS)}`;
  show(heading,
    el("p", { className: "meta", textContent: `${lane.person === null ? "a single track" : `person ${lane.person}`} · ${count(lane.visits.length, "visit")} · ${spans} · ${duration(lane.lengthS)} in view` }),
    el("h3", { textContent: "Visits" }),
    el("ol", { className: "visits" }, lane.visits.map((one) => visitCard(one, one === visit))),
    linkSection("Why they are one person", lane.links.filter((link) => link.isJoined), lane),
    linkSection("Who came close", lane.links.filter((link) => !link.isJoined), lane),
    run.isLinked ? null : el("p", { className: "explain", textContent: "This run was not linked: every track stands for itself. mdpr-link finds out which are one person." }));
  if (isKeyboard || sheet.matches) heading.focus();
  const card = detailsBox.querySelector(".visit-card.selected");
  if (card && card.previousSibling) detailsBox.scrollTop = card.offsetTop - 64;
}

function openLink(link) {
  const sides = [link.a, link.b].filter((side) => typeof side === "number");
  select(visits[sides[0]].lane, null, link);
  const heading = el("h2", { tabIndex: -1, textContent: link.isJoined ? "Joined" : "Kept apart" });
  show(heading, linkCard(link, null, true),
    el("div", { className: "whole" }, [...new Set(sides.map((side) => visits[side].lane))].map((lane) => personButton(lane))));
  heading.focus();
}

function personButton(lane) {
  const button = el("button", { type: "button", className: "quiet" }, "Everything about ", typed(lane.name));
  button.addEventListener("click", () => openPerson(lane, null, true));
  return button;
}

function visitCard(visit, isSelected) {
  const pictures = visit.pictures.map(([address, timeS]) => {
    const alt = `Picture from ${cameras[visit.camera].name}${timeS === null ? "" : ` at ${clock(timeS, true)}`}`;
    const image = picture(address, "crop", alt);
    const target = timeS === null ? null : videoAt(visit, timeS);
    if (target === null) return image;
    return el("a", { href: target, target: "_blank", rel: "noopener", title: `video at ${clock(timeS, true)}` }, image);
  });
  return el("li", { className: `visit-card${isSelected ? " selected" : ""}` },
    el("div", { className: "visit-head" }, cameraTag(visit.camera), ` track ${trackName(visit)}`),
    el("div", { className: "meta" }, `${clock(visit.startS, true)} to ${clock(visit.endS, true)} · ${duration(visit.endS - visit.startS)} · `,
      videoLink(visit, visit.startS, "open video"), " · ", closerButton(visit)),
    el("div", { className: "crops" }, pictures.length ? pictures : el("span", { className: "meta", textContent: "no picture" })));
}

function closerButton(visit) {
  const button = el("button", { type: "button", className: "plain", textContent: "look closer",
    "aria-label": `Show the lanes around ${clock(visit.startS, true)}` });
  button.addEventListener("click", () => {
    zoomTo((visit.startS + visit.endS) / 2, 3 * (visit.endS - visit.startS) + 20);
    if (sheet.matches) closeDetails(); // they lie over the lanes
  });
  return button;
}

function linkSection(title, list, lane) {
  if (!list.length) return null;
  const shown = list.slice(0, 40);
  return el("section", { className: "link-section" },
    el("h3", { textContent: `${title} (${list.length})` }),
    shown.map((link) => linkCard(link, lane, link.verdict === "ambiguous")),
    list.length > shown.length ? el("p", { className: "meta", textContent: `and ${list.length - shown.length} more that are surer; see the list of links` }) : null);
}

function linkCard(link, lane, isOpen) {
  const sides = sidesOf(link).map((side) => {
    const isHere = typeof side === "number";
    const image = picture(isHere && visits[side].pictures.length ? visits[side].pictures[0][0] : null, "crop",
      isHere ? `Picture of ${visits[side].lane.name} from ${cameras[visits[side].camera].name}` : "");
    return el("figure", {}, image, el("figcaption", {}, sideName(side, true, !link.isJoined || !lane), isHere ? el("br") : null,
      isHere ? videoLink(visits[side], visits[side].startS, "open video") : null,
      isHere && lane && visits[side].lane !== lane ? personButton(visits[side].lane) : null));
  });
  return el("article", { className: `link-card ${link.verdict}` },
    el("p", { className: "link-head" }, verdictChip(link), " ", el("span", { textContent: `same person: ${percent(link.probability)}` })),
    el("div", { className: "pair" }, sides),
    el("p", { className: "why", textContent: whyWords(link) }),
    el("details", { open: isOpen }, el("summary", { textContent: "All reasons" }), reasonTable(link)));
}

function show(heading, ...content) {
  if (detailsBox.hidden) backTo = lanesBox.contains(document.activeElement) ? lanesBox : document.activeElement;
  const close = el("button", { type: "button", className: "quiet close", "aria-label": "Close the details", textContent: "Close" });
  close.addEventListener("click", closeDetails);
  detailsBox.replaceChildren(el("div", { className: "details-head" }, heading, close), ...content.filter((one) => one !== null));
  const wasHidden = detailsBox.hidden;
  detailsBox.hidden = false;
  detailsBox.scrollTop = 0;
  document.body.classList.add("has-details");
  layOver();
  if (wasHidden && !sheet.matches) redraw();
}

/** On small screens the details cover the page, which then takes no focus. */
function layOver() {
  const isOver = sheet.matches && !detailsBox.hidden;
  detailsBox.toggleAttribute("aria-modal", isOver);
  if (isOver) detailsBox.setAttribute("aria-modal", "true");
  detailsBox.setAttribute("role", isOver ? "dialog" : "region");
  for (const other of [...document.body.children, byId("main")]) {
    if (!other.contains(detailsBox) && other.tagName !== "SCRIPT") other.inert = isOver;
  }
}

function closeDetails() {
  if (detailsBox.hidden) return;
  const { link } = selected;
  detailsBox.hidden = true;
  document.body.classList.remove("has-details");
  select(null, null, null);
  layOver();
  if (!sheet.matches) drawAll();
  const isLinks = byId("people").hidden;
  const place = isLinks ? linkList.items.indexOf(link) : -1;
  if (place >= 0) {
    linkList.reveal(place, 0);
    linkList.add(place).querySelector("button").focus({ preventScroll: true });
  } else if (!isLinks && backTo === lanesBox) moveTo(at.lane, at.cell);
  else if (backTo && backTo.isConnected && backTo !== document.body) backTo.focus();
  else byId(isLinks ? "tab-links" : "tab-people").focus();
  backTo = null;
}

/** Mark what the details are about. */
function select(lane, visit, link) {
  Object.assign(selected, { lane, visit, link });
  for (const [index, row] of laneList.rows) {
    const item = laneList.items[index];
    row.classList.toggle("selected", item.lane === lane);
    for (const bar of row.querySelectorAll(".visit")) {
      bar.classList.toggle("selected", visit !== null && item.visits[Number(bar.dataset.cell) - 1] === visit);
    }
  }
}

detailsBox.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    closeDetails();
  }
});
sheet.addEventListener("change", layOver);
