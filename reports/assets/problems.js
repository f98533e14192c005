// Finds problems, and opens one: its prompt and its programs, unpacked when they are asked for.
const index = JSON.parse(document.getElementById("index").textContent);
const placeOf = new Map(index.map((item, at) => [item.id, at]));
const box = document.getElementById("problem-box");
const inside = document.getElementById("problem-body");
const PAGE = 60; // programs listed at a time
let texts = null;
let opened = -1;

function make(name, content, css) {
  const element = document.createElement(name);
  if (content !== undefined) element.append(content);
  if (css) element.className = css;
  return element;
}
function words(name) { return name.replaceAll("_", " "); }
async function unpack(at) {
  texts ??= document.getElementById("texts").textContent.split("\n");
  const bytes = Uint8Array.from(atob(texts[at]), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}
function block(heading, text, language) {
  const code = make("code");
  if (language) highlight(code, text, language);
  else code.append(text);
  const pre = make("pre", code);
  pre.tabIndex = 0;
  pre.setAttribute("role", "group");
  pre.setAttribute("aria-label", heading);
  return pre;
}
function program(group, item) {
  const details = make("details", undefined, "program");
  const drawn = group.samples.length;
  const facts = [`drawn ${drawn}\u00d7`, `sample${drawn > 1 ? "s" : ""} ` + group.samples.slice(0, 6).join(", ") +
    (drawn > 6 ? " \u2026" : "")];
  if (group.score !== null) facts.push(`mean log-probability ${group.score.toFixed(3)}`);
  const summary = make("summary", make("span", words(group.verdict), "verdict v-" + group.verdict));
  summary.append(make("span", " \u00b7 " + facts.join(" \u00b7 "), "soft"));
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(block("Program", group.code, item.language));
    if (group.detail) details.append(make("p", group.detail, "soft"));
    for (const [name, heading] of [["stdout", "Output"], ["stderr", "Error output"]])
      if (group[name]) details.append(make("h4", heading), block(heading, group[name]));
    const link = make("a", "Link to this program");
    link.href = "#" + encodeURI(item.id) + "@" + group.samples[0];
    details.append(make("p", link, "note"));
  });
  return details;
}
function fill(data, item, sample) {
  const groups = data.groups.sort((a, b) => b.samples.length - a.samples.length || a.samples[0] - b.samples[0]);
  const list = make("div");
  const more = make("button", "");
  more.type = "button";
  more.id = "more";
  const count = make("output");
  count.setAttribute("aria-live", "polite");
  let verdict = "";
  let shown = PAGE;
  const search = make("input");
  search.type = "search";
  search.id = "find-program";
  const label = make("label", make("span", "Search programs"));
  label.append(search);
  const names = [...new Set(groups.map((group) => group.verdict))];
  const chips = ["", ...names].map((name) => {
    const samples = name ? item.verdicts[name] ?? 0 : Object.values(item.verdicts).reduce((a, b) => a + b, 0);
    const chip = make("button", `${name ? words(name) : "all"} ${samples}`, "chip" + (name ? " v-" + name : ""));
    chip.type = "button";
    chip.addEventListener("click", () => { verdict = name; shown = PAGE; draw(); });
    return chip;
  });
  function draw() {
    chips.forEach((chip, at) => chip.setAttribute("aria-pressed", String((at ? names[at - 1] : "") === verdict)));
    const wanted = search.value.toLowerCase();
    const found = groups.filter((group) => (!verdict || group.verdict === verdict) &&
      (!wanted || group.code.toLowerCase().includes(wanted) || (group.stderr || "").toLowerCase().includes(wanted)));
    list.replaceChildren(...found.slice(0, shown).map((group) => program(group, item)));
    count.textContent = `${found.length} distinct programs`;
    more.hidden = found.length <= shown;
    more.textContent = `Show ${Math.min(PAGE, found.length - shown)} more`;
  }
  more.addEventListener("click", () => { shown += PAGE; draw(); });
  search.addEventListener("input", () => { shown = PAGE; draw(); });
  const bar = make("div", undefined, "finder");
  bar.append(...chips, label, count);
  inside.replaceChildren(make("h3", "Prompt"), block("Prompt", data.prompt, item.language), make("h3", "Programs"), bar);
  const left = Object.entries(data.left);
  if (left.length)
    inside.append(make("p", document.getElementById("texts").dataset.rule + " Without text here: " +
      left.map(([name, [programs, samples]]) => `${words(name)} ${programs} programs of ${samples} samples`).join(", ") +
      `. forkeval show RUN ${item.task_id} has them.`, "note"));
  inside.append(list, more);
  const asked = sample === null ? -1 : groups.findIndex((group) => group.samples.includes(sample));
  shown = Math.max(PAGE, asked + 1);
  draw();
  const first = list.children[Math.max(asked, 0)];
  if (first) first.open = true;
  if (first && asked > 0) first.scrollIntoView({ block: "start" });
}
async function openAt(at, sample = null) {
  opened = at;
  const item = index[at];
  const title = document.getElementById("problem-title");
  title.textContent = `${item.task_id} in ${item.language}: ${item.c} of ${item.n} passed`;
  inside.replaceChildren();
  if (!box.open) box.showModal();
  box.scrollTop = 0;
  title.focus();
  try {
    const data = await unpack(at);
    if (opened === at) fill(data, item, sample);
  } catch (error) {
    inside.replaceChildren(make("p", "This browser cannot unpack the texts: " + error.message, "alarm"));
  }
}
function follow() {
  let name = location.hash.slice(1);
  try { name = decodeURIComponent(name); } catch { /* as it is */ }
  const cut = name.lastIndexOf("@");
  if (placeOf.has(name)) openAt(placeOf.get(name));
  else if (cut > 0 && placeOf.has(name.slice(0, cut)) && /^\d+$/.test(name.slice(cut + 1)))
    openAt(placeOf.get(name.slice(0, cut)), Number(name.slice(cut + 1)));
  else if (box.open) box.close();
}
function go(by) {
  const at = opened + by;
  if (at >= 0 && at < index.length) location.hash = "#" + encodeURI(index[at].id);
}
addEventListener("hashchange", follow);
document.getElementById("previous").addEventListener("click", () => go(-1));
document.getElementById("next").addEventListener("click", () => go(1));
box.addEventListener("close", () => {
  const item = index[opened];
  opened = -1;
  history.replaceState(null, "", "#problems");
  const row = item && document.getElementById(item.id);
  if (row) row.querySelector("a")?.focus();
});
for (const dialog of document.querySelectorAll("dialog"))
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());

// Search and filters over all problems: rows of the table, and links to those that are not in it.
const finder = document.getElementById("finder");
const find = document.getElementById("find");
const inLanguage = document.getElementById("find-language");
const inState = document.getElementById("find-state");
finder.hidden = false;
finder.addEventListener("submit", (event) => event.preventDefault());
function fits(item) {
  const state = inState.value;
  const wanted = find.value.trim().toLowerCase();
  return (!wanted || item.id.toLowerCase().includes(wanted)) &&
    (!inLanguage.value || item.language === inLanguage.value) &&
    (!state || (state === "none" && item.c === 0) || (state === "some" && item.c > 0 && item.c < item.n) ||
      (state === "all" && item.n > 0 && item.c === item.n) || (state === "flaky" && item.changed > 0) ||
      (state.startsWith("v:") && item.verdicts[state.slice(2)] > 0));
}
function filter() {
  const beyond = [];
  let count = 0;
  for (const item of index) {
    const fit = fits(item);
    const row = document.getElementById(item.id)?.closest("tr");
    if (row) row.hidden = !fit;
    else if (fit && beyond.length < 100) {
      const link = make("a", item.task_id + " " + item.language);
      link.href = "#" + encodeURI(item.id);
      beyond.push(make("li", link));
    }
    count += fit;
  }
  document.getElementById("beyond").replaceChildren(...beyond);
  document.getElementById("found").textContent = `${count} of ${index.length} problems`;
}
finder.addEventListener("input", filter);
filter();
follow();
