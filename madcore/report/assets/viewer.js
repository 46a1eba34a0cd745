"use strict";
// The match view: six images that zoom and move in step, shown pixel for pixel; any two in one place, by a key.

const ZOOMS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]; // screen pixels for an image pixel: whole numbers, so none is blended
const FLICKER = 350; // milliseconds an image is shown: below three changes a second
const GAINS = [1, 2, 4, 8, 16];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function unbroken(text) { // browsers break 7e-7 behind its hyphen
  return text.split(/([\d.]+e-\d+)/).map((part, index) => index % 2 ? element("span", { class: "number" }, part) : part);
}

function source(place, small = false) {
  const key = (small && place.thumbnail) || place.full;
  const inside = key && document.getElementById("picture-" + key);
  return inside ? inside.textContent : place.path || null;
}

function picture(image, match, small = false) {
  const address = source(image.place, small);
  const missing = () => element("span", { class: "missing" }, "picture missing");
  if (!address) return missing();
  const made = element("img", { src: address, alt: describe(image, match), draggable: "false", decoding: "async" });
  made.addEventListener("error", () => made.replaceWith(missing()));
  return made;
}

function describe(image, match) {
  const words = image.words ? " " + image.words : "";
  return `${match.picture}, ${image.title}${image.held ? ", " + image.held : ""}.${words}`;
}

class Viewer {
  constructor(root, match) {
    Object.assign(this, { root, match, zoom: 0, centre: [0.5, 0.5], shown: null, before: null, mode: "all", gain: 4 });
    this.images = match.images;
    this.panels = element("div", { class: "panels all" });
    this.label = element("span", { class: "zoom", "aria-live": "polite" });
    this.root.replaceChildren(this.toolbar(), this.panels);
    this.root.setAttribute("tabindex", "0");
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Images of the match; keys work while this is focused");
    this.show();
    this.observer = new ResizeObserver(() => this.place());
    this.observer.observe(this.panels);
    this.follow = () => this.place();
    window.addEventListener("scroll", this.follow, { passive: true });
  }

  close() {
    clearInterval(this.timer);
    this.observer.disconnect();
    window.removeEventListener("scroll", this.follow);
  }

  toolbar() {
    const button = (text, key, action, pressed) =>
      element("button", { type: "button", onclick: action, "aria-pressed": pressed, "aria-keyshortcuts": key }, text);
    this.buttons = {
      all: button("All", "Escape", () => this.all(), "true"),
      flicker: button("Flicker (F)", "f", () => this.flicker(), "false"),
      difference: button("Difference (D)", "d", () => this.difference(), "false"),
    };
    this.picks = this.images.map((image, index) =>
      button(`${index + 1} ${image.title.replace(/( image|imised)$/, "")}`, String(index + 1), () => this.one(index), "false"));
    this.gains = element("select", { onchange: (event) => { this.gain = Number(event.target.value); this.show(); } },
      ...GAINS.map((gain) => element("option", { value: gain, selected: gain === this.gain }, "× " + gain)));
    return element("div", { class: "toolbar", role: "toolbar", "aria-label": "View" },
      element("span", { class: "group" }, button("Fit (0)", "0", () => this.fit()),
        button("−", "-", () => this.step(-1)), button("+", "+", () => this.step(1)), this.label),
      element("span", { class: "group" }, this.buttons.all, ...this.picks),
      element("span", { class: "group" }, button("Swap (Space)", "Space", () => this.swap()), this.buttons.flicker,
        this.buttons.difference, element("label", {}, "gain ", this.gains)));
  }

  // what is shown

  all() { this.stop(); this.mode = "all"; this.show(); }

  one(index) {
    if (index >= this.images.length) return;
    this.stop();
    if (index !== this.shown) this.before = this.shown ?? (index === 0 ? 1 : 0);
    this.shown = index;
    this.mode = "one";
    this.show();
  }

  two() { // the two images that are compared; by default those that differ most: the last pair
    if (this.shown === null) [this.shown, this.before] = this.images.length > 3 ? [2, 3] : [this.images.length - 1, 0];
  }

  swap() {
    this.stop();
    const fresh = this.shown === null;
    this.two();
    if (!fresh && this.mode === "one") [this.shown, this.before] = [this.before, this.shown];
    this.mode = "one";
    this.show();
  }

  difference() {
    this.stop();
    this.two();
    this.mode = this.mode === "difference" ? "one" : "difference";
    this.show();
  }

  flicker() {
    if (this.timer) { this.stop(); this.show(); return; }
    this.two();
    this.mode = "one";
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.note = "your system asks for less motion: press Space to change images yourself";
    } else {
      this.timer = setInterval(() => { [this.shown, this.before] = [this.before, this.shown]; this.turn(); }, FLICKER);
    }
    this.show();
  }

  stop() { clearInterval(this.timer); this.timer = null; this.note = ""; }

  show() {
    const single = this.mode !== "all";
    this.panels.className = "panels " + (single ? "one" : "all");
    this.panels.replaceChildren(...(single ? [this.pairPanel()] : this.images.map((image, i) => this.panel(image, i))));
    this.buttons.all.setAttribute("aria-pressed", String(!single));
    this.buttons.flicker.setAttribute("aria-pressed", String(Boolean(this.timer)));
    this.buttons.difference.setAttribute("aria-pressed", String(this.mode === "difference"));
    this.turn();
    this.place();
  }

  turn() { // only visibility changes, so that nothing is decoded or moved between two images
    const single = this.mode !== "all";
    this.picks.forEach((pick, index) => pick.setAttribute("aria-pressed", String(single && index === this.shown)));
    if (!single) return;
    for (const each of this.panels.querySelectorAll("[data-index]"))
      each.hidden = this.mode === "one" && Number(each.dataset.index) !== this.shown;
    const [now, other] = [this.images[this.shown], this.images[this.before]];
    this.caption.textContent = this.mode === "difference"
      ? `Difference of ${now.title} and ${other.title}, times ${this.gain}`
      : `${this.shown + 1}: ${now.title}${now.held ? ", " + now.held : ""}. Space shows ${other.title}.` +
        (this.note ? ` (${this.note})` : "");
  }

  frame(...children) {
    const made = element("div", { class: "frame" }, ...children);
    made.addEventListener("pointerdown", (event) => this.grab(event, made));
    made.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the plain wheel scrolls the page
      event.preventDefault();
      this.step(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
    return made;
  }

  panel(image, index) {
    return element("figure", { "data-name": image.name },
      this.frame(picture(image, this.match)),
      element("figcaption", {}, element("kbd", {}, String(index + 1)), element("b", {}, image.title),
        element("br"), image.held ? image.held + ". " : "", ...unbroken(value(this.match, image))));
  }

  pairPanel() {
    this.caption = element("figcaption", { "aria-live": this.timer ? "off" : "polite" });
    const made = this.frame(...[this.before, this.shown].map((index) => {
      const shown = picture(this.images[index], this.match);
      shown.dataset.index = index;
      return shown;
    }));
    made.classList.toggle("difference", this.mode === "difference");
    if (this.mode === "difference") made.style.filter = `brightness(${this.gain})`;
    return element("figure", {}, this.caption, made);
  }

  // where it is shown

  fitting(frame) { // the largest whole number of screen pixels that fits, or what fits at all
    const [height, width] = this.match.size;
    // both rows of six, or one image, without scrolling
    const tallest = innerHeight * (this.mode === "all" ? 0.4 : 0.6);
    const most = Math.min(frame.clientWidth / width, tallest / height) * devicePixelRatio;
    return most >= 1 ? Math.floor(most + 0.01) : most;
  }

  scale(frame) { return this.zoom || this.fitting(frame); }

  place() {
    const frames = [...this.panels.querySelectorAll(".frame")];
    if (!frames.length || !frames[0].clientWidth) return;
    const scale = this.scale(frames[0]);
    const [height, width] = this.match.size;
    // as high as the fitted image, whatever the zoom, so that nothing below moves
    const fitted = `${Math.max(Math.round((height * this.fitting(frames[0])) / devicePixelRatio), 120)}px`;
    for (const frame of frames) frame.style.height = fitted;
    for (const frame of frames) {
      const box = frame.getBoundingClientRect();
      const size = [(width * scale) / devicePixelRatio, (height * scale) / devicePixelRatio];
      const room = [frame.clientWidth, frame.clientHeight];
      // onto whole screen pixels, wherever on the page the frame begins
      const [left, top] = [0, 1].map((axis) => {
        const free = room[axis] - size[axis];
        const from = free >= 0 ? free / 2 : Math.min(0, Math.max(free, room[axis] / 2 - this.centre[axis] * size[axis]));
        const edge = axis ? box.top : box.left;
        return Math.round((edge + from) * devicePixelRatio) / devicePixelRatio - edge;
      });
      frame.classList.toggle("reduced", scale < 1);
      frame.classList.toggle("close", size[0] > room[0] + 1 || size[1] > room[1] + 1);
      for (const image of frame.querySelectorAll("img"))
        Object.assign(image.style, { left: left + "px", top: top + "px", width: size[0] + "px", height: size[1] + "px" });
    }
    this.label.textContent = scale < 1
      ? `reduced to ${Math.round(100 * scale)} %: + shows exact pixels`
      : `1 pixel shown as ${scale} × ${scale}`;
  }

  fit() { this.zoom = 0; this.centre = [0.5, 0.5]; this.place(); }

  step(direction) {
    const now = this.scale(this.panels.querySelector(".frame"));
    const next = direction > 0 ? ZOOMS.find((zoom) => zoom > now) : ZOOMS.findLast((zoom) => zoom < now);
    if (next) this.zoom = next;
    else if (direction < 0) this.zoom = 0;
    this.place();
  }

  move(right, down) { // in screen pixels
    const scale = this.scale(this.panels.querySelector(".frame"));
    const [height, width] = this.match.size;
    const clamp = (number) => Math.min(1, Math.max(0, number));
    this.centre = [clamp(this.centre[0] + right / scale / width), clamp(this.centre[1] + down / scale / height)];
    this.place();
  }

  grab(event, frame) {
    if (!frame.classList.contains("close")) return;
    event.preventDefault();
    this.root.focus({ preventScroll: true });
    frame.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    const drag = (moved) => {
      this.move((x - moved.clientX) * devicePixelRatio, (y - moved.clientY) * devicePixelRatio);
      [x, y] = [moved.clientX, moved.clientY];
    };
    frame.addEventListener("pointermove", drag);
    for (const end of ["pointerup", "pointercancel"])
      frame.addEventListener(end, () => frame.removeEventListener("pointermove", drag), { once: true });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
    if (event.key === " " && event.target.matches("button")) return;
    const keys = {
      "+": () => this.step(1), "=": () => this.step(1), "-": () => this.step(-1), 0: () => this.fit(),
      ArrowLeft: () => this.move(-48, 0), ArrowRight: () => this.move(48, 0),
      ArrowUp: () => this.move(0, -48), ArrowDown: () => this.move(0, 48),
      " ": () => this.swap(), f: () => this.flicker(), d: () => this.difference(), Escape: () => this.all(),
    };
    const action = keys[event.key] || (/^[1-9]$/.test(event.key) ? () => this.one(Number(event.key) - 1) : null);
    if (!action) return;
    event.preventDefault();
    action();
  }
}

function value(match, image) {
  const parts = Object.entries(match.values)
    .filter(([metric, values]) => Object.values(match.names).includes(metric) && typeof values[image.name] === "number")
    .map(([metric, values]) => `${metric} ${number(values[image.name])}`);
  return parts.join(", ") || (image.name === "reference" ? "0 on every metric" : "");
}

function number(value, digits = 4) {
  if (typeof value !== "number") return "not finite";
  const rounded = Number(value.toPrecision(digits));
  return rounded && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}
