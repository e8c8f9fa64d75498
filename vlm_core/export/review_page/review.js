"use strict";
// All text of pages comes from strangers. It is put in with textContent and setAttribute alone, and never where
// a browser looks for programs, styles or addresses.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const ONE_CROP = { beside: 0.2, above: 0.012 };
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const FIRST_PAGES = 3;
const PAGES_AT_ONCE = 8;
const GOOD_STATES = ["ok", "blank"];
const KIND_NAMES = {
  number_changed: "number changed",
  text_changed: "text changed",
  not_on_page: "not on the page",
  missing: "missing",
  repeated: "said twice",
  unverified: "not verified",
  check_failed: "check failed",
};

const byId = (id) => document.getElementById(id);
const decisions = new Map(); // "page:finding" -> {action, text}
const edited = new Map(); // page -> the text that a person wrote
const chosenStates = new Set();
const chosenKinds = new Set();
const views = []; // of each page: its elements
let walk = data.order; // the findings that the filters leave
let current = -1; // in walk
let unsaved = false;
let zoom = ZOOMS.indexOf(1);

// --- elements --------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function button(label, action, attributes = {}) {
  const made = make("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", action);
  return made;
}

function tell(message) {
  byId("told").textContent = message;
}

function shortened(text, most = 24) {
  const letters = Array.from(text.replace(/\s+/g, " ").trim());
  return letters.length > most ? `${letters.slice(0, most).join("")}…` : letters.join("");
}

const counted = (count, thing) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
const kindName = (kind) => KIND_NAMES[kind] ?? kind;
const colourOf = (finding) => (finding.kind === "missing" ? "missing" : finding.severity);
const keyOf = (page, finding) => `${page}:${finding}`;

// --- the head ---------------------------------------------------------------------------------------

function routeOf(page) {
  if (page.provider && page.model) return `${page.provider}:${page.model}`;
  return page.model ? `${page.engine} ${page.model}` : page.engine || "not read";
}

function tallied(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

function summary() {
  const documents = new Set(data.pages.map((page) => page.source)).size;
  const known = data.pages.filter((page) => page.cost_usd !== null);
  const cost = known.reduce((sum, page) => sum + page.cost_usd, 0);
  const unknown = data.pages.length - known.length;
  const money = known.length === 0 ? "cost not known" : cost === 0 ? "$0" : `$${cost.toFixed(4)}`;
  const rest = known.length > 0 && unknown > 0 ? ` without ${counted(unknown, "page")}` : "";
  const routes = tallied(data.pages.map(routeOf)).map(([name, count]) => `${name} (${count})`).join(", ");
  return [
    counted(documents, "document"), counted(data.pages.length, "page"), counted(data.order.length, "finding"),
    money + rest, routes,
  ].join(" · ");
}

function addFilters(place, names, chosen, shown) {
  for (const [name, count] of names) {
    const one = button(`${shown(name)} ${count}`, () => {
      if (!chosen.delete(name)) chosen.add(name);
      one.setAttribute("aria-pressed", chosen.has(name));
      applyFilters();
    }, { "aria-pressed": "false" });
    place.append(one);
  }
}

function applyFilters() {
  addPagesUntil(data.pages.length);
  const before = walk[current];
  const isShown = (page, finding) =>
    (chosenStates.size === 0 || chosenStates.has(data.pages[page].state)) &&
    (chosenKinds.size === 0 || chosenKinds.has(data.pages[page].findings[finding].kind));
  walk = data.order.filter(([page, finding]) => isShown(page, finding));
  const withFindings = new Set(walk.map(([page]) => page));
  data.pages.forEach((page, number) => {
    const hasState = chosenStates.size === 0 || chosenStates.has(page.state);
    views[number].section.hidden = !hasState || (chosenKinds.size > 0 && !withFindings.has(number));
    filterCards(views[number]);
  });
  current = before ? walk.findIndex(([page, finding]) => page === before[0] && finding === before[1]) : -1;
  showPosition();
  const left = views.filter((view) => !view.section.hidden).length;
  tell(`${counted(left, "page")} and ${counted(walk.length, "finding")} shown`);
}

function filterCards(view) {
  view.cards.forEach((card, number) => {
    card.item.hidden = chosenKinds.size > 0 && !chosenKinds.has(view.page.findings[number].kind);
  });
}

// --- a page -----------------------------------------------------------------------------------------

function addPage(page, number) {
  const title = `${page.source || "document"}, page ${page.page_number}` +
    (page.total_pages ? ` of ${page.total_pages}` : "");
  const state = make("span", { class: GOOD_STATES.includes(page.state) ? "state good" : "state" }, page.state);
  const section = make("section", { class: "page", id: `page-${number}`, "aria-labelledby": `title-${number}` },
    make("div", { class: "head" },
      make("h2", { id: `title-${number}` }, title), state, make("span", { class: "facts" }, facts(page))));
  if (page.error) section.append(make("p", { class: "problem" }, page.error));
  if (page.warnings.length > 0) {
    section.append(make("ul", { class: "warnings" }, ...page.warnings.map((told) => make("li", {}, told))));
  }
  const view = { section, number, page, cards: [], marks: new Map(), title };
  view.reading = make("div", { class: "reading" }, plainText(view));
  section.append(make("div", { class: "sides" }, pictureOf(view), view.reading));
  section.addEventListener("pointerover", (event) => follow(view, event.target));
  section.addEventListener("focusin", (event) => follow(view, event.target));
  section.addEventListener("pointerleave", () => link(view, null));
  views.push(view);
  byId("pages").append(section);
  nearby.observe(section);
}

// The first pages at once, the others while the browser has nothing else to do, or when they are asked for.
function addPagesUntil(count) {
  while (views.length < Math.min(count, data.pages.length)) addPage(data.pages[views.length], views.length);
}

function addRest() {
  if (views.length === data.pages.length) return;
  addPagesUntil(views.length + PAGES_AT_ONCE);
  setTimeout(addRest, 0);
}

function facts(page) {
  const agreement = page.agreement === null ? "" : `${Math.round(page.agreement * 100)} % agreement`;
  const cost = page.cost_usd ? `$${page.cost_usd.toFixed(4)}` : "";
  const by = page.corrections.length > 0 ? counted(page.corrections.length, "earlier decision") : "";
  return [routeOf(page), cost, agreement, by].filter(Boolean).join(" · ");
}

function pictureOf(view) {
  const { page } = view;
  const [width, height] = page.size[0] > 0 && page.size[1] > 0 ? page.size : [1, 1.4142];
  view.size = [width, height];
  view.sheet = make("div", { class: "sheet" });
  view.sheet.style.setProperty("--ratio", width / height);
  view.frame = make("div", {
    class: "picture", tabindex: "0", role: "region", "aria-label": `Picture of ${view.title}`,
  });
  if (page.no_picture) view.frame.append(make("p", { class: "no-picture" }, `No picture: ${page.no_picture}`));
  const hasBoxes = page.blocks.some((block) => block.box) || page.findings.some((finding) => finding.bbox);
  if (page.picture || hasBoxes) view.frame.append(view.sheet);
  return view.frame;
}

// What a page consists of is made when it comes near, and given up when it is gone, but for its plain text,
// which a browser's own search and a screen reader find. What was decided stands in the maps above.
const nearby = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const view = views[Number(target.id.slice("page-".length))];
    if (isIntersecting) show(view);
    else hide(view);
  }
}, { rootMargin: "1200px 0px" });

function show(view) {
  if (view.isShown) return;
  view.isShown = true;
  if (view.page.picture) {
    view.sheet.append(make("img", { src: view.page.picture, alt: `Page ${view.page.page_number}`, decoding: "async" }));
  }
  view.sheet.append(outlines(view));
  fillReading(view);
  filterCards(view);
  highlight();
}

function hide(view) {
  const isInUse = view.section.contains(document.activeElement) || view.section.querySelector(".editor, form");
  if (!view.isShown || isInUse) return;
  view.isShown = false;
  view.sheet.replaceChildren();
  view.cards = [];
  view.marks.clear();
  view.reading.replaceChildren(plainText(view));
}

const plainText = (view) => make("p", { class: "plain", lang: "", dir: "auto" }, currentText(view.number));

function rectangle(view, [x0, y0, x1, y1], attributes) {
  const [width, height] = view.size;
  return drawn("rect", {
    x: x0 * width, y: y0 * height, width: Math.max((x1 - x0) * width, 1), height: Math.max((y1 - y0) * height, 1),
    ...attributes,
  });
}

function outlines(view) {
  const { page } = view;
  const boxes = page.blocks.flatMap((block, number) => block.box ? [rectangle(view, block.box, {
    class: "box", "data-link": `b${number}`, role: "button", tabindex: "-1",
    "aria-label": `${block.kind.replace("_", " ")}: ${shortened(textOf(block), 60)}`,
  })] : []);
  const unread = page.unread.map((box) => rectangle(view, box, { class: "box unread", "aria-hidden": "true" }));
  const found = page.findings.flatMap((finding, number) => finding.bbox ? [rectangle(view, finding.bbox, {
    class: `box ${colourOf(finding)}${decisions.has(keyOf(view.number, number)) ? " decided" : ""}`,
    "data-link": `f${number}`, role: "button", tabindex: "-1",
    "aria-label": `Finding: ${kindName(finding.kind)}: ${shortened(finding.text || finding.expected, 60)}`,
  })] : []);
  const group = drawn("svg", {
    viewBox: `0 0 ${view.size[0]} ${view.size[1]}`, preserveAspectRatio: "none", role: "group",
    "aria-label": `Outlines on ${view.title}`,
  }, ...boxes, ...unread, ...found);
  group.addEventListener("click", (event) => cross(view, event.target));
  rove(group, [...boxes, ...found]);
  return group;
}

const textOf = (block) =>
  (block.rows ? block.rows.flat() : [block]).flatMap((piece) => piece.parts.map(([text]) => text)).join(" ");

// --- the text ---------------------------------------------------------------------------------------

function fillReading(view) {
  const parts = [];
  if (view.page.findings.length > 0) {
    view.cards = view.page.findings.map((finding, number) => cardOf(view, finding, number));
    const list = make("ol", { class: "findings" }, ...view.cards.map((card) => card.item));
    parts.push(make("div", {}, make("h3", {}, `Findings (${view.page.findings.length})`), list));
  }
  view.edit = button("Edit the text", () => openEditor(view));
  view.edit.setAttribute("aria-label", `Edit the text of ${view.title}`);
  view.text = make("div", { class: "text", lang: "", dir: "auto" });
  view.reading.replaceChildren(...parts,
    make("div", { class: "text-head" }, make("h3", {}, "Text"), view.edit), view.text);
  showText(view);
  view.cards.forEach((card, number) => {
    addCrop(view, card, number);
    showDecision(view, number);
  });
}

function showText(view) {
  view.marks.clear();
  const text = edited.get(view.number);
  if (text !== undefined) {
    view.text.replaceChildren(make("p", { class: "edited" }, text));
  } else if (view.page.blocks.length === 0) {
    view.text.replaceChildren(view.page.text
      ? make("p", { class: "edited" }, view.page.text)
      : make("p", { class: "empty" }, "This page has no text."));
  } else {
    const blocks = view.page.blocks.map((block, number) => blockOf(view, block, number));
    view.text.replaceChildren(...blocks);
    rove(view.text, blocks);
    for (const number of view.marks.keys()) showMarks(view, number);
  }
}

function blockOf(view, block, number) {
  const element = make("div", {
    class: `block ${block.kind}`, "data-link": `b${number}`, role: "group", tabindex: block.rows ? "0" : "-1",
    "aria-label": block.kind.replace("_", " "),
  });
  if (block.kind === "list_item") {
    element.style.setProperty("--indent", Math.min((block.level ?? 1) - 1, 8));
    element.append(`${block.marker ?? "•"} `);
  }
  element.append(...(block.rows ? [tableOf(view, block.rows)] : partsOf(view, block.parts)));
  return element;
}

function tableOf(view, rows) {
  return make("table", {}, make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make(
    cell.header ? "th" : "td",
    { rowspan: cell.rows > 1 && cell.rows, colspan: cell.columns > 1 && cell.columns },
    ...partsOf(view, cell.parts),
  ))))));
}

function partsOf(view, parts) {
  return parts.map(([text, finding]) => {
    if (finding < 0) return text;
    const mark = make("mark", { class: colourOf(view.page.findings[finding]), "data-link": `f${finding}` }, text);
    view.marks.set(finding, [...(view.marks.get(finding) ?? []), { mark, text }]);
    return mark;
  });
}

// What was decided shows in the text: the old words struck out, the new ones behind the first of them.
function showMarks(view, number) {
  const decision = decisions.get(keyOf(view.number, number));
  (view.marks.get(number) ?? []).forEach(({ mark, text }, place) => {
    mark.classList.toggle("decided", decision !== undefined);
    if (!decision || decision.action === "ignore") mark.replaceChildren(text);
    else mark.replaceChildren(make("del", {}, text), ...(place === 0 ? [" ", make("ins", {}, decision.text)] : []));
  });
}

function openEditor(view) {
  show(view);
  const before = view.edit;
  const area = make("textarea", { id: `editor-${view.number}`, spellcheck: "false" });
  area.value = currentText(view.number);
  const close = () => { view.text.replaceChildren(); showText(view); before.hidden = false; before.focus(); };
  const keep = () => {
    if (area.value === view.page.text && !hasDecisions(view.number)) edited.delete(view.number);
    else edited.set(view.number, area.value);
    changed(`The text of ${view.title} is as you wrote it`);
    close();
  };
  const back = () => { edited.delete(view.number); changed(`Your edit of ${view.title} is undone`); close(); };
  const buttons = make("div", { class: "decide" }, button("Keep", keep), button("Cancel", close));
  if (edited.has(view.number)) buttons.append(button("Undo the edit", back));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep();
  });
  before.hidden = true;
  view.text.replaceChildren(make("div", { class: "editor" },
    make("label", { for: area.id }, "The text of the page. What you keep here counts as looked at as a whole."), area, buttons));
  area.focus();
}

// --- findings ---------------------------------------------------------------------------------------

function cardOf(view, finding, number) {
  const severity = finding.severity === "review" ? "To review" : "Note";
  const said = (text, none) => text ? make("dd", { dir: "auto" }, text) : make("dd", { class: "nothing" }, none);
  const card = { crop: make("div", {}), outcome: make("p", { class: "outcome" }) };
  card.accept = button(acceptLabel(finding), () => accept(view, number), { "aria-keyshortcuts": "A" });
  card.accept.disabled = !canAccept(finding);
  card.correct = button("Correct", () => openForm(view, number), { "aria-keyshortcuts": "C" });
  card.correct.disabled = finding.start === null;
  card.ignore = button("Ignore", () => decide(view, number, "ignore", finding.text), { "aria-keyshortcuts": "I" });
  card.undo = button("Undo", () => undo(view, number), { "aria-keyshortcuts": "U" });
  card.undo.hidden = true;
  card.form = formOf(view, finding, number);
  card.decide = make("div", { class: "decide" }, card.accept, card.correct, card.ignore, card.undo);
  card.item = make("li", {
    class: `finding ${colourOf(finding)}`, tabindex: "-1", "data-link": `f${number}`, id: `finding-${view.number}-${number}`,
  },
  make("span", { class: "kind" }, `${severity}: ${kindName(finding.kind)}`),
  card.crop,
  make("dl", {},
    make("dt", {}, "The model wrote"), said(finding.text, "nothing"),
    make("dt", {}, "The page reads"), said(finding.expected, "something else, or nothing"),
    ...secondReading(finding)),
  card.decide, card.outcome);
  card.item.addEventListener("focusin", () => setCurrent(view.number, number));
  return card;
}

function secondReading(finding) {
  if (!finding.second_opinion) return [];
  const { text, model } = finding.second_opinion;
  return [make("dt", {}, "A second model read"), make("dd", { dir: "auto", title: model }, text || "nothing")];
}

function acceptLabel(finding) {
  const next = replacement(finding);
  return next === "" ? "Accept: take it out" : `Accept “${shortened(next)}”`;
}

const replacement = (finding) => (finding.kind === "repeated" ? "" : finding.expected);
const canAccept = (finding) => finding.start !== null &&
  (finding.expected !== "" || ["not_on_page", "repeated"].includes(finding.kind));

function formOf(view, finding, number) {
  const input = make("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  const form = make("form", {}, make("label", {}, "What the page says", input), make("button", {}, "Keep"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    closeForm(view, number);
    decide(view, number, "correct", input.value);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeForm(view, number);
  });
  return { form, input };
}

function openForm(view, number) {
  const card = view.cards[number];
  const finding = view.page.findings[number];
  if (card.correct.disabled) return tell("Its place in the text is not known: edit the text of the page");
  card.form.input.value = decisions.get(keyOf(view.number, number))?.text ?? (finding.expected || finding.text);
  card.decide.append(card.form.form);
  card.form.input.focus();
  card.form.input.select();
}

function closeForm(view, number) {
  view.cards[number].form.form.remove();
  view.cards[number].item.focus({ preventScroll: true });
}

function accept(view, number) {
  const finding = view.page.findings[number];
  if (!canAccept(finding)) return tell("What the page reads is not known here: correct it, or edit the text");
  decide(view, number, "accept", replacement(finding));
}

function decide(view, number, action, text) {
  const { page } = view;
  const other = action === "ignore" ? null : overlapping(view, number);
  if (other) return tell("It overlaps with what you corrected before: undo that, or edit the text of the page");
  decisions.set(keyOf(view.number, number), { action, text });
  const told = { accept: "Accepted", correct: "Corrected", ignore: "Ignored" }[action];
  const note = edited.has(view.number) && action !== "ignore" ? "; the text is as you edited it" : "";
  showDecision(view, number);
  changed(`${told}: ${kindName(page.findings[number].kind)}${note}`);
}

function undo(view, number) {
  if (!decisions.delete(keyOf(view.number, number))) return;
  showDecision(view, number);
  view.cards[number].item.focus({ preventScroll: true });
  changed("Undone");
}

function outcomeOf(decision) {
  if (!decision) return "";
  if (decision.action === "ignore") return "Ignored: the text stays";
  return `${decision.action === "accept" ? "Accepted" : "Corrected"}: ${decision.text || "taken out"}`;
}

function showDecision(view, number) {
  const card = view.cards[number];
  const decision = decisions.get(keyOf(view.number, number));
  card.item.classList.toggle("decided", decision !== undefined);
  card.outcome.textContent = outcomeOf(decision);
  card.undo.hidden = decision === undefined;
  view.sheet.querySelector(`rect[data-link="f${number}"]`)?.classList.toggle("decided", decision !== undefined);
  if (!edited.has(view.number)) showMarks(view, number);
}

function overlapping(view, number) {
  const one = view.page.findings[number];
  return view.page.findings.some((other, place) => {
    const decision = decisions.get(keyOf(view.number, place));
    return place !== number && decision && decision.action !== "ignore" && other.start < one.end && one.start < other.end;
  });
}

function addCrop(view, card, number) {
  const finding = view.page.findings[number];
  if (!finding.bbox || !view.page.picture) return;
  const [width, height] = view.size;
  const [x0, y0, x1, y1] = finding.bbox;
  const left = Math.max(0, x0 - ONE_CROP.beside) * width;
  const right = Math.min(1, x1 + ONE_CROP.beside) * width;
  const top = Math.max(0, y0 * height - ONE_CROP.above * width);
  const bottom = Math.min(height, y1 * height + ONE_CROP.above * width);
  if (!(right > left && bottom > top)) return;
  card.crop.replaceChildren(drawn("svg", {
    class: "crop", preserveAspectRatio: "xMinYMid meet", viewBox: `${left} ${top} ${right - left} ${bottom - top}`, role: "img",
    "aria-label": "Cut out of the page's picture",
  }, drawn("image", { href: view.page.picture, x: 0, y: 0, width, height, preserveAspectRatio: "none" }),
  rectangle(view, finding.bbox, { class: `box ${colourOf(finding)}` })));
}

// --- from finding to finding ------------------------------------------------------------------------

function setCurrent(page, finding) {
  const place = walk.findIndex((one) => one[0] === page && one[1] === finding);
  if (place >= 0) current = place;
  showPosition();
}

function showPosition() {
  const where = current >= 0 ? `Finding ${current + 1} of ${walk.length}` : counted(walk.length, "finding");
  byId("position").textContent = where;
  byId("next").disabled = byId("previous").disabled = walk.length === 0;
}

function step(by) {
  if (walk.length === 0) return tell("There are no findings");
  const next = current < 0 ? (by > 0 ? 0 : walk.length - 1) : current + by;
  if (next < 0 || next >= walk.length) return tell(by > 0 ? "That was the last finding" : "That was the first finding");
  current = next;
  const [page, number] = walk[current];
  addPagesUntil(page + 1);
  const view = views[page];
  show(view);
  const { item } = view.cards[number];
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
  const finding = view.page.findings[number];
  tell(`${view.title}: ${kindName(finding.kind)}. ${decisions.has(keyOf(page, number)) ? "Decided" : "Open"}`);
}

function atHand() {
  if (current < 0) return null;
  const [page, number] = walk[current];
  show(views[page]);
  return { view: views[page], number };
}

// --- both sides -------------------------------------------------------------------------------------

function follow(view, target) {
  const found = target.closest?.("[data-link]");
  link(view, found?.dataset.link ?? null, Boolean(found) && !view.sheet.contains(found));
}

function link(view, key, bringsPicture = false) {
  if (view.linked === key) return;
  view.linked = key;
  for (const element of view.section.querySelectorAll(".linked")) element.classList.remove("linked");
  if (key === null) return;
  for (const element of view.section.querySelectorAll(`[data-link="${key}"]`)) element.classList.add("linked");
  const box = view.sheet.querySelector(`[data-link="${key}"]`);
  if (box && bringsPicture) bringInto(view.frame, box);
}

// Within the frame alone: the page itself stays where it is.
function bringInto(frame, box) {
  const outer = frame.getBoundingClientRect();
  const inner = box.getBoundingClientRect();
  if (inner.top < outer.top || inner.bottom > outer.bottom) {
    frame.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
  }
  if (inner.left < outer.left || inner.right > outer.right) {
    frame.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  }
}

function cross(view, target) {
  const key = target.closest?.("[data-link]")?.dataset.link;
  if (!key) return;
  const inText = view.section.querySelector(`.reading .${key[0] === "f" ? "finding" : "block"}[data-link="${key}"]`);
  const other = view.sheet.contains(target) ? inText : view.sheet.querySelector(`[data-link="${key}"]`);
  other?.focus();
}

// One stop for the tab key, arrows from one to the next. A table that scrolls is a stop of its own.
function rove(container, elements) {
  if (elements.length === 0) return;
  elements[0].setAttribute("tabindex", "0");
  container.addEventListener("focusin", (event) => {
    const found = elements.find((element) => element.contains(event.target));
    if (found) for (const element of elements) {
      element.setAttribute("tabindex", element === found || element.matches(".table") ? "0" : "-1");
    }
  });
  container.addEventListener("keydown", (event) => {
    const at = elements.findIndex((element) => element === event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: elements.length - 1 }[event.key];
    if (at < 0) return;
    if (event.key === "Enter") {
      event.preventDefault();
      cross(views.find((view) => view.section.contains(event.target)), event.target);
    } else if (next !== undefined && elements[next]) {
      event.preventDefault();
      elements[next].focus();
    }
  });
}

// --- search and zoom --------------------------------------------------------------------------------

let sought = "";
let hits = []; // pages and the numbers of their blocks
let hit = -1;

const plain = (text) => text.toLocaleLowerCase();

function search() {
  addPagesUntil(data.pages.length);
  sought = plain(byId("search").value.trim());
  hit = -1;
  hits = sought ? views.filter((view) => !view.section.hidden).flatMap(hitsOn) : [];
  byId("hits").textContent = sought ? counted(hits.length, "place") : "";
  highlight();
}

function hitsOn(view) {
  const hasBlocks = view.page.blocks.length > 0 && !edited.has(view.number);
  const texts = hasBlocks ? view.page.blocks.map(textOf) : [currentText(view.number)];
  return texts.flatMap((text, place) => (plain(text).includes(sought) ? [{ view, place }] : []));
}

function highlight() {
  if (!CSS.highlights) return;
  CSS.highlights.delete("search");
  const ranges = sought ? views.filter((view) => view.isShown).flatMap((view) => rangesIn(view.text)) : [];
  if (ranges.length > 0) CSS.highlights.set("search", new Highlight(...ranges));
}

function rangesIn(element) {
  const ranges = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = plain(node.data);
    if (text.length !== node.data.length) continue; // some letters have two in small
    for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) {
      ranges.push(new StaticRange({
        startContainer: node, startOffset: at, endContainer: node, endOffset: at + sought.length,
      }));
    }
  }
  return ranges;
}

function nextHit() {
  if (hits.length === 0) return tell("It was not found");
  hit = (hit + 1) % hits.length;
  const { view, place } = hits[hit];
  show(view);
  const element = view.text.children[place] ?? view.text;
  element.scrollIntoView({ block: "center" });
  link(view, element.dataset.link ?? null, true);
  byId("hits").textContent = `${hit + 1} of ${counted(hits.length, "place")}`;
}

function setZoom(place) {
  zoom = Math.min(Math.max(place, 0), ZOOMS.length - 1);
  document.documentElement.style.setProperty("--zoom", ZOOMS[zoom]);
  byId("zoom").textContent = `${ZOOMS[zoom] * 100} %`;
}

// --- what goes back ---------------------------------------------------------------------------------

const hasDecisions = (page) => [...decisions.keys()].some((key) => key.startsWith(`${page}:`));

function changed(message) {
  unsaved = decisions.size > 0 || edited.size > 0;
  byId("save").disabled = !unsaved;
  const count = decisions.size + edited.size;
  byId("count").textContent = count > 0 ? ` (${count})` : "";
  tell(message);
}

// Offsets count characters of Unicode, as Python does, and not the halves that JavaScript counts.
function currentText(number) {
  const page = data.pages[number];
  if (edited.has(number)) return edited.get(number);
  const letters = Array.from(page.text);
  const changes = page.findings
    .map((finding, place) => ({ finding, decision: decisions.get(keyOf(number, place)) }))
    .filter(({ finding, decision }) => decision && decision.action !== "ignore" && finding.start !== null)
    .sort((one, other) => other.finding.start - one.finding.start);
  for (const { finding, decision } of changes) {
    letters.splice(finding.start, finding.end - finding.start, ...inserted(finding, decision.text));
  }
  return letters.join("");
}

// A missing line gets a line of its own.
function inserted(finding, text) {
  if (finding.kind !== "missing") return Array.from(text);
  return Array.from(finding.start === 0 ? `${text}\n` : `\n${text}`);
}

function corrections() {
  const pages = data.pages.flatMap((page, number) => {
    const decided = page.findings.flatMap((finding, place) => {
      const decision = decisions.get(keyOf(number, place));
      return decision ? [{ finding: place, action: decision.action, was: finding.text, text: decision.text }] : [];
    });
    if (decided.length === 0 && !edited.has(number)) return [];
    const { source, page_number, sha256, engine, model, text } = page;
    return [{
      source, page_number, sha256, engine, model, read: text, text: currentText(number),
      by_hand: edited.has(number), decisions: decided,
    }];
  });
  return { format: data.format, version: data.version, pages };
}

function save() {
  if (byId("save").disabled) return tell("Nothing was corrected yet");
  const address = URL.createObjectURL(new Blob([JSON.stringify(corrections(), null, 1)], { type: "application/json" }));
  const anchor = make("a", { href: address, download: "corrections.json" });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  unsaved = false;
  tell("Saved as corrections.json. Put it into the journal: vlm review JOURNAL --apply corrections.json");
}

// --- keys -------------------------------------------------------------------------------------------

const ON_FINDING = {
  a: ({ view, number }) => accept(view, number),
  c: ({ view, number }) => openForm(view, number),
  i: ({ view, number }) => view.cards[number].ignore.click(),
  u: ({ view, number }) => undo(view, number),
};
const ANYWHERE = {
  n: () => step(1),
  p: () => step(-1),
  e: () => openEditor(viewInSight()),
  s: save,
  "/": () => byId("search").focus(),
  "+": () => setZoom(zoom + 1),
  "=": () => setZoom(zoom + 1),
  "-": () => setZoom(zoom - 1),
  0: () => setZoom(ZOOMS.indexOf(1)),
  "?": () => byId("keys").showModal(),
};

function viewInSight() {
  const focused = views.find((view) => view.section.contains(document.activeElement));
  return focused ?? views.find((view) => view.section.getBoundingClientRect().bottom > 100) ?? views[0];
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!byId("with-keys").checked || byId("keys").open) return;
  if (event.target.matches?.("input, textarea, select")) return;
  const command = ANYWHERE[event.key];
  const onFinding = ON_FINDING[event.key];
  if (!command && !onFinding) return;
  event.preventDefault();
  const finding = command ? null : atHand();
  if (command) command();
  else if (finding) onFinding(finding);
  else tell("Go to a finding first, with n");
}

function start() {
  document.title = data.pages.length === 1 ? `Review: ${data.pages[0].source}` : `Review: ${counted(data.pages.length, "page")}`;
  byId("summary").textContent = summary();
  addPagesUntil(FIRST_PAGES);
  addRest();
  addFilters(byId("states"), tallied(data.pages.map((page) => page.state)), chosenStates, (name) => name);
  const kinds = data.order.map(([page, finding]) => data.pages[page].findings[finding].kind);
  addFilters(byId("kinds"), tallied(kinds), chosenKinds, kindName);
  byId("kinds").hidden = kinds.length === 0;
  showPosition();
  document.addEventListener("keydown", onKey);
  byId("next").addEventListener("click", () => step(1));
  byId("previous").addEventListener("click", () => step(-1));
  byId("larger").addEventListener("click", () => setZoom(zoom + 1));
  byId("smaller").addEventListener("click", () => setZoom(zoom - 1));
  byId("save").addEventListener("click", save);
  byId("help").addEventListener("click", () => byId("keys").showModal());
  byId("close-keys").addEventListener("click", () => byId("keys").close());
  byId("search").addEventListener("input", search);
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") nextHit();
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}

start();
