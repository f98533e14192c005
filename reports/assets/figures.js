// A switch between the budgets that curves stand against, and figures as SVG, PNG and CSV.
const panels = [...document.querySelectorAll("figure[data-axis]")];
const names = [...new Map(panels.map((one) => [one.dataset.axis, one.querySelector("h3").textContent]))];
const axesBox = document.getElementById("axes");
if (axesBox && names.length > 1) {
  const choose = (axis) => panels.forEach((one) => {
    one.hidden = axis !== "" && one.dataset.axis !== axis;
    one.classList.toggle("alone", axis === one.dataset.axis);
  });
  const radios = [["", "all"], ...names].map(([axis, name], at) => {
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "axis";
    radio.value = axis;
    radio.checked = at === 0;
    radio.addEventListener("change", () => choose(axis));
    const label = document.createElement("label");
    label.append(radio, name);
    axesBox.append(label);
    return radio;
  });
  radios.forEach((radio, at) => radio.addEventListener("next", () => radios[(at + 1) % radios.length].click()));
  axesBox.hidden = false;
}

const INHERITED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin",
  "stroke-linecap", "opacity", "font-size", "font-weight", "font-family", "text-anchor"];
// The drawing as a file of its own: what the page's style gives it is written into it.
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const originals = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((one, at) => {
    const style = getComputedStyle(originals[at]);
    one.setAttribute("style", INHERITED.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
  });
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("style", "fill:" + getComputedStyle(document.body).backgroundColor);
  copy.prepend(ground);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}
function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
function png(drawing) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * drawing.width;
      canvas.height = 2 * drawing.height;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      resolve(canvas.toDataURL("image/png"));
    };
    image.onerror = reject;
    image.src = "data:image/svg+xml," + encodeURIComponent(drawing.text);
  });
}
for (const figure of document.querySelectorAll("figure")) {
  const visible = () => [...figure.querySelectorAll("svg")].find((one) => one.getClientRects().length) ??
    figure.querySelector("svg");
  if (!visible()) continue;
  const bar = document.createElement("p");
  bar.className = "saves";
  const title = figure.querySelector("svg title").textContent;
  const name = title.replace(/[^\w@]+/g, "-");
  const csv = figure.querySelector("[data-csv]")?.dataset.csv;
  const ways = {
    SVG: () => save("data:image/svg+xml," + encodeURIComponent(standalone(visible()).text), name + ".svg"),
    PNG: async () => save(await png(standalone(visible())), name + ".png"),
    ...(csv ? { CSV: () => save("data:text/csv," + encodeURIComponent(csv), name + ".csv") } : {}),
  };
  for (const [kind, act] of Object.entries(ways)) {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = kind;
    one.setAttribute("aria-label", `${title} as ${kind}`);
    one.addEventListener("click", act);
    bar.append(one);
  }
  figure.append(bar);
}
