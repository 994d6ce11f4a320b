// What the reader has chosen to see, and the lanes and links that it leaves.

const choice = {
  query: "",
  order: "doubt",
  isDoubtful: false,
  isMoving: false, // leave out what never moved
  kind: "all", // of links: all, joined, apart
  cameras: new Set(cameras.map((_, index) => index)),
  fromS: WHOLE.fromS,
  toS: WHOLE.toS,
};

const ORDERS = {
  doubt: (a, b) => b.lane.doubt - a.lane.doubt || a.lane.startS - b.lane.startS || a.lane.index - b.lane.index,
  time: (a, b) => a.visits[0].startS - b.visits[0].startS || a.lane.index - b.lane.index,
  number: (a, b) => (a.lane.person ?? Infinity) - (b.lane.person ?? Infinity) || a.lane.index - b.lane.index || 0,
  cameras: (a, b) => b.lane.cameras.length - a.lane.cameras.length || a.lane.index - b.lane.index,
  length: (a, b) => b.lane.lengthS - a.lane.lengthS || a.lane.index - b.lane.index,
};

const isShown = (visit) =>
  choice.cameras.has(visit.camera) && visit.endS >= choice.fromS && visit.startS <= choice.toS
  && !(choice.isMoving && visit.lane.isStill);

/** The lanes to show, in order, each with those of its visits that are shown, packed into rows that do not overlap. */
function chosenLanes() {
  const query = choice.query.trim().toLocaleLowerCase();
  const chosen = [];
  for (const lane of lanes) {
    if (query && !lane.search.includes(query)) continue;
    if (choice.isDoubtful && !lane.ambiguous) continue;
    const shown = lane.visits.filter(isShown);
    if (shown.length) chosen.push({ lane, visits: shown, ...packed(shown) });
  }
  return chosen.sort(ORDERS[choice.order]);
}

/** Rows for visits that overlap in time; a camera stays in its row where that is free. */
function packed(shown) {
  const ends = [];
  const home = new Map();
  const row = new Map();
  for (const visit of shown) {
    const known = home.get(visit.camera);
    let place = known !== undefined && ends[known] <= visit.startS ? known : ends.findIndex((end) => end <= visit.startS);
    if (place < 0) place = ends.length;
    ends[place] = visit.endS;
    home.set(visit.camera, place);
    row.set(visit, place);
  }
  return { row, rows: ends.length };
}

/** The links to list: those of which a side is shown. */
function chosenLinks() {
  const query = choice.query.trim().toLocaleLowerCase();
  return links.filter((link) => {
    if (choice.isDoubtful && link.verdict !== "ambiguous") return false;
    if (choice.kind !== "all" && link.isJoined !== (choice.kind === "joined")) return false;
    const sides = [link.a, link.b].filter((side) => typeof side === "number").map((side) => visits[side]);
    return sides.some((visit) => isShown(visit) && (!query || visit.lane.search.includes(query)));
  });
}

const isFiltered = () =>
  choice.query.trim() !== "" || choice.isDoubtful || choice.isMoving || choice.cameras.size < cameras.length || isZoomed();

const isZoomed = () => choice.fromS !== WHOLE.fromS || choice.toS !== WHOLE.toS;
