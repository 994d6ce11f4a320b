// The strip above the lanes: how many people were in view over the whole run, and the part that is shown.

const overview = byId("overview");
let dragFromS = null;

const overviewTime = (event) => {
  const box = overview.getBoundingClientRect();
  const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  return WHOLE.fromS + share * (WHOLE.toS - WHOLE.fromS);
};

/** Visits of the chosen cameras in view, for each of `bins` parts of the run. */
function presence(bins) {
  const steps = new Float64Array(bins + 1);
  const place = (time) => Math.min(bins - 1, Math.max(0, Math.floor(((time - WHOLE.fromS) / (WHOLE.toS - WHOLE.fromS)) * bins)));
  for (const visit of visits) {
    if (!choice.cameras.has(visit.camera)) continue;
    steps[place(visit.startS)] += 1;
    steps[place(visit.endS) + 1] -= 1;
  }
  for (let bin = 1; bin < bins; bin++) steps[bin] += steps[bin - 1];
  return steps.subarray(0, bins);
}

function drawOverview() {
  const { clientWidth: width, clientHeight: height } = overview;
  if (!width) return;
  const scale = window.devicePixelRatio || 1;
  overview.width = width * scale;
  overview.height = height * scale;
  const pen = overview.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(document.documentElement);
  const values = presence(Math.max(1, Math.floor(width / 2)));
  const most = Math.max(1, ...values);
  pen.fillStyle = style.getPropertyValue("--strip");
  values.forEach((value, bin) => {
    const tall = (value / most) * (height - 6);
    pen.fillRect(bin * 2, height - tall, 2, tall);
  });
  if (!isZoomed()) return;
  const x = (time) => ((time - WHOLE.fromS) / (WHOLE.toS - WHOLE.fromS)) * width;
  const [left, right] = [x(choice.fromS), x(choice.toS)];
  pen.fillStyle = style.getPropertyValue("--veil");
  pen.fillRect(0, 0, left, height);
  pen.fillRect(right, 0, width - right, height);
  pen.fillStyle = style.getPropertyValue("--accent");
  pen.fillRect(left - 1, 0, 2, height);
  pen.fillRect(right - 1, 0, 2, height);
}

overview.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  dragFromS = overviewTime(event);
  overview.setPointerCapture(event.pointerId);
});

overview.addEventListener("pointermove", (event) => {
  if (dragFromS === null) return;
  const [from, to] = [dragFromS, overviewTime(event)].sort((a, b) => a - b);
  const least = (WHOLE.toS - WHOLE.fromS) / 200;
  if (to - from >= least) setTimes(Math.round(from * 10) / 10, Math.round(to * 10) / 10);
});

for (const end of ["pointerup", "pointercancel"]) overview.addEventListener(end, () => { dragFromS = null; });
overview.addEventListener("dblclick", () => setTimes(WHOLE.fromS, WHOLE.toS));
