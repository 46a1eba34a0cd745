"use strict";
// Views, filters, lists and charts; everything comes from the page itself.

const DATA = JSON.parse(document.getElementById("data").textContent);
const MATCHES = new Map(DATA.matches.map((match) => [match.id, match]));
const PAGE = 24;
const LABELS = { optimized: "Optimised", held: "Held", level: "Level", picture: "Picture", judge: "Judge", party: "Optimised or held" };
let viewer = null;
let listed = DATA.matches; // what the list of matches shows, which n and p walk through

const text = (bounds) => { // a noise that is known, or its bounds
  if (!bounds) return "";
  const [low, high] = bounds;
  if (low === high) return number(low, 3);
  if (high === null) return "more than " + number(low, 3);
  return low === 0 ? "less than " + number(high, 3) : `${number(low, 3)} to ${number(high, 3)}`;
};
const doublings = (change) => {
  if (!change) return "";
  const [low, high] = change;
  const said = low === null ? "unknown" : (low === high ? "" : "at least ") + low.toFixed(1);
  return `${said} doublings`;
};
const relative = (error) => typeof error === "number" ? error.toExponential(0) : "unknown";
const count = (many) => many.toLocaleString("en");
const distinct = (values) => [...new Set(values)].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));

const levels = (values) => { // from the lowest to the highest, as everywhere on the page
  const found = new Set(values);
  return [...DATA.levels.filter((level) => found.delete(level)), ...distinct(found)];
};

// Routes: #view, #view?name=value, #match/id

function route() {
  const hash = location.hash.slice(1);
  const [path, query = ""] = hash.split("?");
  const [view, id] = path.split("/");
  const first = document.querySelector("main > section").id;
  const section = document.querySelector(`main > section[id="${CSS.escape(view)}"]`) || document.getElementById(first);
  for (const each of document.querySelectorAll("main > section")) each.classList.toggle("current", each === section);
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.hash === "#" + section.id || (section.id === "match" && link.hash === "#matches");
    here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  if (viewer) { viewer.close(); viewer = null; }
  const chosen = Object.fromEntries(new URLSearchParams(query));
  ({ matches: showMatches, transfer: showTransfer, envelopes: showEnvelopes, match: () => showMatch(id) }[section.id] ||
    (() => {}))(chosen);
  if (hash) { (viewer ? viewer.root : section.querySelector("h2")).focus({ preventScroll: true }); scrollTo(0, 0); }
}

function filters(view, chosen, choices, first = "all") {
  const form = document.querySelector(`form[data-view="${view}"]`);
  form.replaceChildren(...Object.entries(choices).map(([name, values]) =>
    element("label", {}, LABELS[name], element("select", { name }, first && element("option", { value: "" }, first),
      ...values.map((each) => element("option", { value: each, selected: chosen[name] === each }, each))))));
  form.onchange = () => {
    const given = [...new FormData(form)].filter(([, each]) => each);
    history.replaceState(null, "", `#${view}?${new URLSearchParams(given)}`);
    const focused = document.activeElement.name;
    ({ matches: showMatches, transfer: showTransfer, envelopes: showEnvelopes }[view])(Object.fromEntries(given));
    if (focused) form.elements[focused].focus();
  };
  form.onsubmit = (event) => event.preventDefault();
}

function paged(section, items, make, target) {
  const pager = section.querySelector(".pager");
  const pages = Math.max(1, Math.ceil(items.length / PAGE));
  const show = (page) => {
    target.replaceChildren(...items.slice(page * PAGE, (page + 1) * PAGE).map(make));
    const turn = (to, label) => element("button", { type: "button", disabled: to < 0 || to >= pages, onclick: () => {
      show(to);
      section.querySelector("h2").focus();
      section.scrollIntoView();
    } }, label);
    pager.replaceChildren(...(pages > 1 ? [turn(page - 1, "Previous"), `page ${page + 1} of ${pages}`, turn(page + 1, "Next")] : []));
  };
  show(0);
}

// Matches

function showMatches(chosen) {
  const section = document.getElementById("matches");
  const attacks = DATA.matches.flatMap((match) => match.attacks);
  filters("matches", chosen, {
    optimized: distinct(attacks.map((each) => each.optimized)), held: distinct(attacks.map((each) => each.held)),
    level: levels(DATA.matches.map((match) => match.level)), picture: distinct(DATA.matches.map((match) => match.picture)),
  });
  const fits = (attack) => (!chosen.optimized || attack.optimized === chosen.optimized) && (!chosen.held || attack.held === chosen.held);
  listed = DATA.matches.filter((match) =>
    (!chosen.level || match.level === chosen.level) && (!chosen.picture || match.picture === chosen.picture) &&
    (match.attacks.some(fits) || !(chosen.optimized || chosen.held)));
  section.querySelector(".count").textContent = !DATA.matches.length ? "There is no finished match here yet."
    : `${count(listed.length)} of ${count(DATA.matches.length)} ${DATA.matches.length === 1 ? "match" : "matches"}, strongest disagreement first.`;
  paged(section, listed, (match) => card(match, fits), section.querySelector(".cards"));
}

function card(match, fits) {
  const row = (images, said) => element("span", { class: "attack" },
    element("span", { class: "thumbs" }, ...images.map((image) => thumbnail(image, match))), element("span", {}, ...unbroken(said)));
  const made = match.images.slice(2);
  const rows = match.attacks.length
    ? match.attacks.filter(fits).map((attack) => row(made.filter((image) => attack.images.includes(image.name)), sentence(attack)))
    : made.map((image) => row([image], `${image.title}, ${image.held}`));
  return element("li", {}, element("a", { href: "#match/" + match.id },
    element("b", {}, Object.values(match.names).join(" against ")),
    element("small", {}, `${match.picture}, ${match.level}, seed ${match.seed}`), ...rows));
}

function thumbnail(image, match) {
  const made = picture(image, match, true);
  if (made.tagName === "IMG") Object.assign(made, { loading: "lazy", alt: `${image.title}, ${image.held || ""}` });
  return made;
}

function sentence(attack) {
  const range = attack.change ? `by ${doublings(attack.change)}` : `from ${number(attack.values[0], 3)} to ${number(attack.values[1], 3)}`;
  return `${attack.optimized} moves ${range} while ${attack.held} is held`;
}

// A match

function showMatch(id) {
  const section = document.getElementById("match");
  const match = MATCHES.get(id);
  const root = section.querySelector(".viewer");
  section.querySelectorAll(".beyond").forEach((each) => each.remove());
  if (!match) {
    section.querySelector("h2").textContent = "Match";
    root.replaceChildren(element("p", { class: "note" }, `There is no match ${id || ""} on this page.`));
    return;
  }
  section.querySelector("h2").textContent = Object.values(match.names).join(" against ");
  const place = listed.indexOf(match);
  const go = (step) => listed[place + step] && element("a", { href: "#match/" + listed[place + step].id }, step < 0 ? "previous (P)" : "next (N)");
  const about = element("p", { class: "beyond" }, `${match.picture}, ${match.size[0]} × ${match.size[1]} pixels, held at ${match.level}, seed ${match.seed}. `,
    ...[go(-1), " ", go(1)].filter(Boolean));
  const help = element("p", { class: "beyond quiet" }, "Keys: ", ...[["1 to 6", "one image"], ["Space", "the one before"], ["F", "flicker"], ["D", "difference"],
    ["Esc", "all"], ["+", ""], ["−", "zoom"], ["0", "fit"], ["arrows", "move"], ["N", ""], ["P", "next and previous match"]].flatMap(
    ([key, does]) => [element("kbd", {}, key), does ? ` ${does}. ` : " "]));
  section.querySelector("h2").after(about);
  viewer = new Viewer(root, match);
  root.after(help, element("div", { class: "beyond below" }, words(match), values(match), certificate(match), again(match)));
}

function words(match) {
  const said = match.images.filter((image) => image.words);
  return element("div", {}, element("h3", {}, "What differs from the reference"),
    ...match.attacks.map((attack) => element("p", {}, ...unbroken(sentence(attack) + "."))),
    said.length ? element("ul", {}, ...said.map((image) => element("li", {}, element("b", {}, image.title), ": " + image.words)))
      : element("p", {}, "Not measured for this match: only those with the strongest disagreement are."));
}

function table(head, rows, label) {
  return element("div", { class: "wide", role: "region", tabindex: "0", "aria-label": label },
    element("table", { class: "figures" }, element("thead", {}, element("tr", {}, ...head.map((each) => element("th", { scope: "col" }, each)))),
      element("tbody", {}, ...rows.map(([first, ...rest]) => element("tr", {}, element("th", { scope: "row" }, first),
        ...rest.map((each) => element("td", { class: "number" }, each)))))));
}

function values(match) {
  const images = match.images.slice(1);
  const rows = Object.entries(match.values).map(([metric, found]) =>
    [metric, ...images.map((image) => image.name in found ? number(found[image.name], 6) : "")]);
  return element("div", {}, element("h3", {}, "Values under all metrics"),
    element("p", {}, "Of the exact images, as distances: 0 for identical images."),
    table(["metric", ...images.map((image) => image.title)], rows, "Values under all metrics"));
}

function certificate(match) {
  const made = match.images.slice(2);
  const rows = [
    ["held error", ...made.map((each) => relative(each.held_error))],
    ["held error of the PNG", ...made.map((each) => relative(each.png.held_error))],
    ["residual", ...made.map((each) => each.optimality === null ? "" : number(each.optimality, 2))],
    ["ended", ...made.map((each) => each.stopped)],
    ["evaluations", ...made.map((each) => String(each.evaluations))],
    ["seconds", ...made.map((each) => number(each.seconds, 3))],
  ];
  const versions = Object.entries(match.made.versions).map((each) => each.join(" ")).join(", ");
  return element("div", {}, element("h3", {}, "Certificate"),
    element("p", {}, ...unbroken(`Relative errors of the held metric; ${relative(match.tolerance)} was allowed. Residual: 0 at a stationary point.`)),
    table(["figure", ...made.map((each) => each.title)], rows, "Certificate"),
    element("p", { class: "quiet" }, `Match ${match.id}. ${match.made.started}, ${match.made.device}, ${versions}.`));
}

function again(match) {
  const command = element("pre", { class: "command", tabindex: "0" }, match.command);
  const copy = element("button", { type: "button", onclick: async () => {
    getSelection().selectAllChildren(command);
    try { await navigator.clipboard.writeText(match.command); copy.textContent = "Copied"; }
    catch { copy.textContent = "Selected: copy it with your keyboard"; }
  } }, "Copy");
  return element("div", {}, element("h3", {}, "Make it again"),
    element("p", {}, "From the folder in which this report was made. In another batch, or on another machine, the last digits may differ."), command, copy);
}

// Transfer

function showTransfer(chosen) {
  const section = document.getElementById("transfer");
  if (!section.querySelector("form")) return;
  const column = (index) => distinct(DATA.transfer.map((row) => row[index]));
  filters("transfer", chosen, { level: levels(DATA.transfer.map((row) => row[0])), optimized: column(1), held: column(2), judge: column(3), party: DATA.metrics });
  const rows = DATA.transfer.filter((row) => (!chosen.level || row[0] === chosen.level) && (!chosen.optimized || row[1] === chosen.optimized) &&
    (!chosen.held || row[2] === chosen.held) && (!chosen.judge || row[3] === chosen.judge) &&
    (!chosen.party || row[1] === chosen.party || row[2] === chosen.party));
  section.querySelector(".count").textContent = `${count(rows.length)} of ${count(DATA.transfer.length)} testimonies`;
  const sides = (row) => ({ optimized: row[1], held: row[2], against: "neither: the other way round", unclear: "unclear" }[row[4]]);
  paged(section, rows, (row) => element("tr", {}, ...row.slice(0, 4).map((each) => element("td", {}, each)),
    element("td", {}, sides(row)), element("td", { class: "number" }, row[5]), element("td", {}, row[6])), section.querySelector(".testimonies tbody"));
}

// Envelopes

function showEnvelopes(chosen) {
  const section = document.getElementById("envelopes");
  const attacks = DATA.matches.flatMap((match) => match.attacks.map((attack) => ({ ...attack, match })));
  const choices = { held: distinct(attacks.map((each) => each.held)) };
  if (!choices.held.length) { section.querySelector(".charts").replaceChildren(element("p", { class: "note" }, "There is nothing to draw.")); return; }
  const held = chosen.held || choices.held[0];
  filters("envelopes", { held }, { ...choices }, null);
  const rows = attacks.filter((each) => each.held === held);
  section.querySelector(".charts").replaceChildren(...distinct(rows.map((each) => each.optimized)).map((optimized) =>
    envelope(rows.filter((each) => each.optimized === optimized), optimized, held)));
}

function envelope(rows, optimized, held) {
  const known = rows.every((row) => row.noises[0] && row.level);
  const points = rows.map((row) => known
    ? { x: bound(row.level), low: row.noises[0], high: row.noises[1], start: row.start, match: row.match }
    : { x: row.held_value, low: [row.values[0], row.values[0]], high: [row.values[1], row.values[1]], start: null, match: row.match }).filter((each) => each.x > 0);
  const ys = points.flatMap((each) => [bound(each.low), bound(each.high)]).filter((each) => each > 0);
  const unit = known ? "equivalent noise" : "own unit";
  const caption = `${optimized} while ${held} is held, ${unit}: from ${number(Math.min(...ys), 2)} to ${number(Math.max(...ys), 2)} over ${points.length} ${points.length === 1 ? "match" : "matches"}.`;
  return element("figure", {}, element("figcaption", {}, element("b", {}, optimized), ` while ${held} is held, ${points.length} ${points.length === 1 ? "match" : "matches"}`),
    draw(points, ys, caption, [held, optimized].map((name) => known ? `equivalent noise of ${name}` : name)));
}

const bound = ([low, high]) => (high === null ? low : low === 0 ? high : Math.sqrt(low * high));

function draw(points, ys, caption, names) {
  const [width, height, left, bottom, top] = [340, 240, 62, 42, 10];
  const svg = (tag, attributes, label = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = label;
    return made;
  };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": caption });
  if (!points.length || !ys.length) return root;
  const axis = (values, from, to) => {
    const [low, high] = [Math.log10(Math.min(...values)) - 0.1, Math.log10(Math.max(...values)) + 0.1];
    const place = (each) => from + ((Math.log10(each) - low) / (high - low)) * (to - from);
    const ticks = [];
    for (let power = Math.floor(low); power <= high; power++)
      for (const digit of high - low > 2 ? [1] : [1, 2, 5]) if (Math.log10(digit) + power >= low && Math.log10(digit) + power <= high) ticks.push(digit * 10 ** power);
    return { place, ticks };
  };
  const x = axis(points.map((each) => each.x), left, width - 10);
  const y = axis(ys, height - bottom, top);
  const levels = [...new Set(points.map((each) => Number(each.x.toPrecision(2))))];
  if (levels.length < 4) x.ticks = levels; // the levels themselves, not round numbers beside them
  root.append(svg("text", { x: (left + width - 10) / 2, y: height - 6, "text-anchor": "middle" }, names[0]),
    svg("text", { transform: `translate(12 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, names[1]));
  for (const tick of y.ticks) root.append(svg("line", { class: "grid", x1: left, x2: width - 10, y1: y.place(tick), y2: y.place(tick) }),
    svg("text", { x: left - 4, y: y.place(tick) + 4, "text-anchor": "end" }, number(tick, 1)));
  for (const tick of x.ticks) root.append(svg("text", { x: x.place(tick), y: height - bottom + 14, "text-anchor": "middle" }, number(tick, 1)));
  root.append(svg("rect", { class: "frame", x: left, y: top, width: width - 10 - left, height: height - bottom - top }));
  const beside = spread(points.map((each) => x.place(each.x)), left, width - 10);
  for (const [index, each] of points.entries()) {
    const at = beside[index];
    const [low, high] = [y.place(bound(each.low)), y.place(bound(each.high))];
    const reach = svg("line", { class: "reach", x1: at, x2: at, y1: low, y2: high });
    reach.append(svg("title", {}, `${each.match.picture}, ${each.match.level}, seed ${each.match.seed}`));
    root.append(reach);
    if (each.start) root.append(svg("line", { class: "reach", x1: at - 3, x2: at + 3, y1: y.place(bound(each.start)), y2: y.place(bound(each.start)) }));
    for (const [ends, place, up] of [[each.low, low, 5], [each.high, high, -5]]) {
      const beyond = ends[0] !== ends[1];
      root.append(beyond ? svg("path", { class: "end", d: `M${at - 4} ${place} h8 l-4 ${up} z` }) : svg("circle", { class: "end", cx: at, cy: place, r: 2.5 }));
    }
  }
  return root;
}

function spread(places, from, to) { // those in one place beside each other, as far apart as there is room
  const same = new Map();
  for (const [index, place] of places.entries()) same.set(Math.round(place), [...(same.get(Math.round(place)) || []), index]);
  const columns = [...same.keys()].sort((a, b) => a - b);
  const spread = [];
  for (const [order, column] of columns.entries()) {
    const room = 0.9 * Math.min(column - (columns[order - 1] ?? 2 * from - column), (columns[order + 1] ?? 2 * to - column) - column);
    const indices = same.get(column);
    const step = Math.min(4, room / indices.length);
    for (const [k, index] of indices.entries()) spread[index] = column + (k - (indices.length - 1) / 2) * step;
  }
  return spread;
}

// An audit's pictures, small ones enlarged by a whole number

for (const holder of document.querySelectorAll(".pair")) {
  const match = MATCHES.get(holder.dataset.match);
  if (!match) continue;
  const names = ["reference", ...holder.dataset.images.split(" ")];
  holder.append(...match.images.filter((image) => names.includes(image.name)).map((image) => {
    const shown = picture(image, match);
    const enlarged = Math.max(1, Math.floor(Math.min(320, innerWidth / 3.5) / Math.max(...match.size.slice(0, 2))));
    const [height, width] = match.size.slice(0, 2).map((side) => side * enlarged);
    if (shown.tagName === "IMG") Object.assign(shown, { width, height });
    return element("figure", { style: `width: ${width}px` }, shown, element("figcaption", {}, image.title + (image.held ? ", " + image.held : "")));
  }));
}

// A cell as a sentence, where the pointer or the focus is

for (const matrix of document.querySelectorAll(".matrix")) {
  const said = matrix.parentElement.nextElementSibling;
  const say = (event) => { const cell = event.target.closest("a[data-said]"); if (cell) said.textContent = cell.dataset.said; };
  matrix.addEventListener("pointerover", say);
  matrix.addEventListener("focusin", say);
}

addEventListener("keydown", (event) => {
  if (!viewer || !event.target.closest("#match")) return;
  const step = { n: 1, p: -1 }[event.key];
  const next = step && listed[listed.indexOf(viewer.match) + step];
  if (next && !event.ctrlKey && !event.metaKey && !event.altKey) location.hash = "match/" + next.id;
  else viewer.key(event);
});
addEventListener("hashchange", route);
addEventListener("resize", () => viewer && viewer.place());
route();
