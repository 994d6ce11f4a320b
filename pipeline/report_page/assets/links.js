// The list of links, the most doubtful first, and what the numbers behind a link mean in words.

const linkBox = byId("link-list");
const linkHeight = () => (narrow.matches ? 168 : 112);
const linkList = new WindowedList(linkBox, makeLinkRow, linkHeight);

const ABOUT_LINKS =
  "Joined links are why visits share a lane; pairs that were kept apart came close to it. " +
  "Ambiguous ones that were joined come first: look at both pictures, and at the video.";

function drawLinks() {
  const chosen = chosenLinks();
  byId("no-links").hidden = chosen.length > 0 || !links.length;
  linkList.show(chosen);
  return chosen;
}

/** The two sides, the earlier one first where both are of this run. */
function sidesOf(link) {
  const isLater = typeof link.a === "number" && typeof link.b === "number" && visits[link.a].startS > visits[link.b].startS;
  return isLater ? [link.b, link.a] : [link.a, link.b];
}

function makeLinkRow(link, index) {
  const button = el("button", { type: "button", className: "link-row" },
    sidesOf(link).map(sidePicture),
    el("span", { className: "link-text" },
      el("span", { className: "link-head" }, verdictChip(link), " ",
        el("strong", { textContent: link.isJoined ? "Joined" : "Kept apart" }),
        el("span", { className: "meta", textContent: ` same person: ${percent(link.probability)}` })),
      el("span", { className: "link-sides" }, bothSides(link)),
      el("span", { className: "meta why", textContent: whyWords(link) })));
  button.addEventListener("click", () => openLink(link));
  const item = el("div", { className: "link-item", role: "listitem", "aria-setsize": linkList.items.length, "aria-posinset": index + 1 }, button);
  return item;
}

const verdictChip = (link) => el("span", { className: `chip ${link.verdict}`, textContent: link.verdict });

function sidePicture(side) {
  const address = typeof side === "number" && visits[side].pictures.length ? visits[side].pictures[0][0] : null;
  return picture(address, "thumb");
}

/** Camera, track and time of a side, which may lie in another run. */
function sideName(side, hasLink = false, hasPerson = true) {
  if (typeof side === "number") {
    const visit = visits[side];
    return el("span", { className: "side" }, hasPerson ? [typed(visit.lane.name), " "] : null,
      cameraTag(visit.camera), ` ${clock(visit.startS)}`);
  }
  const who = side.person === null ? "" : `${run.names[side.person] || `Person ${side.person}`} `;
  const made = [hasPerson ? typed(who) : null, typed(side.camera), ` track ${trackName(side)}, run `, typed(side.run)];
  const page = run.otherRuns[side.run];
  if (!hasLink || !page) return el("span", { className: "side" }, made);
  return el("a", { className: "side", href: side.person === null ? page : `${page}#person=${side.person}` }, made);
}

/** Who was joined is named once. */
function bothSides(link) {
  const [first, second] = sidesOf(link);
  if (!link.isJoined) return [sideName(first), " — ", sideName(second)];
  const near = visits[typeof link.a === "number" ? link.a : link.b].lane;
  return [typed(near.name, "name"), " ", sideName(first, false, false), " — ", sideName(second, false, false)];
}

const two = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2);
const isNumber = (value) => typeof value === "number";

/** A sentence or two: what spoke for it, what against it. */
function whyWords(link) {
  const why = link.reasons;
  if (why.constraint === "must-link") return "A person said that they are the same.";
  if (why.constraint === "cannot-link") return "A person said that they are two people.";
  if (why.constraint) return `They cannot be one person: ${why.constraint}.`;
  const said = [];
  if (isNumber(why.similarity)) {
    const rival = isNumber(why.runner_up) ? (why.margin >= 0
      ? `; the next best other person has ${two(why.runner_up)}`
      : `; somebody else looks more alike, ${two(why.runner_up)}`) : "";
    said.push(`Appearance ${two(why.similarity)}${rival}.`);
  } else {
    said.push(link.isJoined ? "These two were not compared directly; they belong to groups that were joined." : "No appearance to compare.");
  }
  if (isNumber(why.gap_s)) said.push(why.gap_s < 0 ? "Both were there at once." : `The later came ${why.gap_s.toFixed(1)} s after the other had left.`);
  const times = isNumber(why.group_time_term) ? why.group_time_term : why.time_term;
  if (isNumber(times) && times !== 0) said.push(`Times speak ${times > 0 ? "for" : "against"} it.`);
  const places = isNumber(why.group_position_term) ? why.group_position_term : why.position_term;
  if (isNumber(places) && places !== 0) said.push(`Position on the ground speaks ${places > 0 ? "for" : "against"} it.`);
  if (isNumber(why.group_rival_term) && why.group_rival_term <= -0.1) said.push("One of the two could be somebody else, too.");
  if (!link.isJoined && link.probability > 0.5) said.push("Taken alone the pair is likelier one person than not; together with their other visits it is not.");
  return said.join(" ");
}

const REASON_WORDS = {
  similarity: ["Similarity", "how alike they look, cameras evened out, from -1 to 1"],
  runner_up: ["Runner-up", "the highest similarity of either to another person"],
  margin: ["Margin", "similarity less runner-up; below 0 somebody else looks more alike"],
  time_term: ["Travel time", "what it adds to the log-odds, as if one directly followed the other"],
  position_term: ["Position", "what positions on the ground add to the log-odds"],
  log_odds: ["Log-odds of the pair", "of being one person, taken by itself; above 0 is more likely than not"],
  group_log_odds: ["Log-odds of the groups", "over all pairs between the two groups that this link holds together"],
  group_time_term: ["Times of the groups", "what the order of their visits adds to that"],
  group_rival_term: ["Others take", "from the log-odds of the groups, as far as either could be another person, too"],
  group_rival: ["Most of it", "the person who was first seen here"],
  group_position_term: ["Positions of the groups", "what positions of all pairs between them add to that"],
  gap_s: ["Seconds between", "from the end of the earlier to the beginning of the later; below 0 they were there at once"],
};

/** All numbers of a link; what this page has no words for is shown as it is. */
function reasonTable(link) {
  const rows = [];
  for (const [key, value] of Object.entries(link.reasons)) {
    if (value === null || value === "" || (typeof value === "object" && !Object.keys(value).length)) continue;
    const [word, meaning] = Object.hasOwn(REASON_WORDS, key) ? REASON_WORDS[key] : [key.replaceAll("_", " "), ""];
    if (key === "constraint") rows.push(["Constraint", value, "a rule that comes before all evidence"]);
    else if (key === "forbidden") {
      const ruled = Object.entries(value).map(([rule, times]) => `${times} by: ${rule}`).join("; ");
      rows.push(["Ruled out", ruled, "better-looking candidates that cannot be the same person"]);
    } else rows.push([word, isNumber(value) ? signed(key, value) : String(typeof value === "object" ? JSON.stringify(value) : value), meaning]);
  }
  return el("dl", { className: "reasons" }, rows.map(([word, value, meaning]) =>
    el("div", {}, el("dt", { textContent: word }), el("dd", {}, typed(value), meaning ? el("small", { textContent: meaning }) : null))));
}

/** A number with its sign where that matters; a term of exactly 0 means that nothing is known. */
function signed(key, value) {
  if (/_term$/.test(key) && value === 0) return key === "group_rival_term" ? "nothing" : "nothing known";
  return /_term$|margin|log_odds/.test(key) && value > 0 ? `+${two(value)}` : two(value);
}
