// The values of the page, and what follows from them once: lanes, doubts, words for numbers.

const source = document.getElementById("values");
const run = JSON.parse(source.textContent);
source.textContent = ""; // the pictures are held once

const visits = run.visits;
const cameras = run.cameras;
const HUES = [250, 45, 150, 320, 95, 200, 10, 285];
const VERDICT_RANK = { certain: 0, probable: 1, ambiguous: 3 };

const hueOf = (camera) => HUES[camera] ?? Math.round((camera * 137.508) % 360);

/** How much a link deserves a look: ambiguous ones that were joined, those that were not, the others; nearest to 50 % first. */
function doubtOf(link) {
  const near = link.probability === null ? 0.5 : 1 - Math.abs(2 * link.probability - 1);
  const rank = VERDICT_RANK[link.verdict] - (link.verdict === "ambiguous" && !link.isJoined ? 1 : 0);
  return rank + 0.999 * near;
}

const links = run.links.map((link, index) => ({ ...link, index, doubt: doubtOf(link) }));
links.sort((one, two) => two.doubt - one.doubt || one.index - two.index);
for (const visit of visits) visit.links = [];
for (const link of links) {
  for (const side of [link.a, link.b]) if (typeof side === "number") visits[side].links.push(link);
}

/** A lane a person; what nobody was found for, and everything in a run that was not linked, has a lane of its own. */
function makeLanes() {
  const byKey = new Map();
  visits.forEach((visit, index) => {
    visit.index = index;
    const key = visit.person === null ? `track ${index}` : `person ${visit.person}`;
    if (!byKey.has(key)) byKey.set(key, { key, person: visit.person, visits: [] });
    byKey.get(key).visits.push(visit);
  });
  const made = [...byKey.values()];
  made.forEach((lane, index) => {
    lane.index = index;
    lane.visits.sort((one, two) => one.startS - two.startS || one.index - two.index);
    for (const visit of lane.visits) visit.lane = lane;
    lane.startS = lane.visits[0].startS;
    lane.endS = Math.max(...lane.visits.map((visit) => visit.endS));
    lane.cameras = [...new Set(lane.visits.map((visit) => visit.camera))].sort((a, b) => a - b);
    lane.lengthS = lane.visits.reduce((sum, visit) => sum + visit.endS - visit.startS, 0);
    lane.links = [...new Set(lane.visits.flatMap((visit) => visit.links))].sort((a, b) => b.doubt - a.doubt || a.index - b.index);
    lane.ambiguous = lane.links.filter((link) => link.isJoined && link.verdict === "ambiguous").length;
    lane.isStill = lane.visits.every((visit) => visit.isStill);
    lane.doubt = lane.links.length ? lane.links[0].doubt : -1;
    lane.name = nameOf(lane);
    lane.search = searchText(lane);
    lane.portrait = portraitOf(lane);
  });
  return made;
}

function nameOf(lane) {
  if (lane.person !== null) return run.names[lane.person] || `Person ${lane.person}`;
  return `Track ${lane.visits[0].track}`;
}

function searchText(lane) {
  const words = [lane.name, lane.person === null ? "" : `person ${lane.person}`];
  for (const visit of lane.visits) words.push(`${cameras[visit.camera].name}/${trackName(visit)}`, `track ${visit.track}`);
  return words.join("\n").toLocaleLowerCase();
}

/** The picture of the visit that was seen longest. */
function portraitOf(lane) {
  const seen = lane.visits.filter((visit) => visit.pictures.length);
  if (!seen.length) return null;
  return seen.reduce((best, visit) => (visit.detections > best.detections ? visit : best)).pictures[0][0];
}

const trackName = (visit) => `${visit.track}${visit.part ? `.${visit.part}` : ""}`;

const firstS = visits.length ? Math.min(...visits.map((visit) => visit.startS)) : 0;
const lastS = visits.length ? Math.max(...visits.map((visit) => visit.endS)) : 1;
const WHOLE = { fromS: Math.floor(firstS), toS: Math.max(Math.ceil(lastS), Math.floor(firstS) + 1) };
const HAS_HOURS = WHOLE.toS >= 3600;

/** 83.2 as 1:23, or 1:23.2 with tenths; with hours where the run has them. */
function clock(seconds, hasTenths = false) {
  const tenths = Math.round(Math.abs(seconds) * 10);
  const whole = hasTenths ? Math.floor(tenths / 10) : Math.round(Math.abs(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const start = HAS_HOURS || hours ? `${hours}:${two(minutes)}` : `${minutes}`;
  const sign = seconds < 0 && whole + (tenths % 10) > 0 ? "-" : "";
  return `${sign}${start}:${two(whole % 60)}${hasTenths ? `.${tenths % 10}` : ""}`;
}

/** 1:02:03.5, 1:23 or 83.2 as seconds; NaN for anything else. */
function parseClock(text) {
  const found = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)$/.exec(text.trim());
  if (!found) return NaN;
  return Number(found[1] || 0) * 3600 + Number(found[2] || 0) * 60 + Number(found[3].replace(",", "."));
}

/** 12.3 s, 4 min or 1 h 20 min. */
function duration(seconds) {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A share for a person; never 100 % or 0 %, since no estimate is that sure. */
function percent(share) {
  if (share === null) return "unknown";
  if (share > 0.999) return "> 99.9 %";
  if (share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(share > 0.99 || share < 0.01 ? 1 : 0)} %`;
}

const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

const lanes = makeLanes();

const videoAt = (visit, timeS = visit.startS) => {
  const camera = cameras[visit.camera];
  return camera.video === null ? null : `${camera.video}#t=${Math.max(0, timeS - camera.beginS - camera.videoBeginS).toFixed(1)}`;
};
