// Elements from values. Texts only ever become text nodes: nothing that a camera or a person is called is read as HTML.

const byId = (id) => document.getElementById(id);

/** An element with properties, attributes (names with a dash, or `role`) and children; children that are null are left out. */
function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** A text that a person typed: kept apart from its surroundings, whatever its direction of writing. */
const typed = (text, className = "") => el("bdi", { className, textContent: text });

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function picture(address, className, alt = "") {
  if (!address) return el("span", { className: `${className} no-picture`, "aria-hidden": "true", textContent: "–" });
  return el("img", { className, src: address, alt, decoding: "async", draggable: false });
}

const cameraTag = (camera) => {
  const made = el("span", { className: "camera-tag" }, typed(cameras[camera].name));
  made.style.setProperty("--hue", hueOf(camera));
  return made;
};

const videoLink = (visit, timeS, text) => {
  const address = videoAt(visit, timeS);
  if (address === null) return el("span", { className: "no-video", textContent: "no video" });
  return el("a", { className: "video", href: address, target: "_blank", rel: "noopener", textContent: text,
    "aria-label": `Video of ${cameras[visit.camera].name} at ${clock(timeS, true)}, opens in a new tab` });
};

/** A list of which only what is near the window is in the document. Rows keep their elements while they are near. */
class WindowedList {
  /**
   * @param box the element that takes the height of the whole list.
   * @param make (item, index) => element.
   * @param height (item) => pixels.
   */
  constructor(box, make, height) {
    Object.assign(this, { box, make, height, items: [], tops: [0], rows: new Map() });
    this.isWaiting = false;
    this.wake = () => {
      if (this.isWaiting) return;
      this.isWaiting = true;
      requestAnimationFrame(() => { this.isWaiting = false; this.draw(); });
    };
    addEventListener("scroll", this.wake, { passive: true });
  }

  show(items) {
    this.items = items;
    this.tops = [0];
    for (const item of items) this.tops.push(this.tops[this.tops.length - 1] + this.height(item));
    this.box.style.height = `${this.tops[items.length]}px`;
    for (const element of this.rows.values()) element.remove();
    this.rows.clear();
    this.draw();
  }

  /** The first item whose lower edge is below `y`. */
  at(y) {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  draw() {
    if (this.box.offsetParent === null) return;
    const above = this.box.getBoundingClientRect().top;
    const margin = 300;
    const first = this.at(-above - margin);
    const last = Math.min(this.items.length - 1, this.at(-above + innerHeight + margin));
    for (const [index, element] of this.rows) {
      if ((index < first || index > last) && !element.contains(document.activeElement)) {
        element.remove();
        this.rows.delete(index);
      }
    }
    for (let index = first; index <= last; index++) if (!this.rows.has(index)) this.add(index);
  }

  /** The element of an item, put into the document when it is not there; in order, for those who read it in order. */
  add(index) {
    const found = this.rows.get(index);
    if (found) return found;
    const element = this.make(this.items[index], index);
    element.style.top = `${this.tops[index]}px`;
    element.style.height = `${this.tops[index + 1] - this.tops[index]}px`;
    const next = [...this.rows.keys()].filter((key) => key > index).sort((a, b) => a - b)[0];
    this.box.insertBefore(element, next === undefined ? null : this.rows.get(next));
    this.rows.set(index, element);
    return element;
  }

  /** Scroll an item into view, below what sticks to the upper edge. */
  reveal(index, stickyPx) {
    const top = this.box.getBoundingClientRect().top + this.tops[index];
    const bottom = top + this.tops[index + 1] - this.tops[index];
    if (top < stickyPx) scrollBy(0, top - stickyPx - 4);
    else if (bottom > innerHeight - 8) scrollBy(0, bottom - innerHeight + 8);
  }
}
