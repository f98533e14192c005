// The page by keyboard; the list is in the box that "?" opens.
const help = document.getElementById("keys-box");
const keysOn = document.getElementById("keys-on");
document.getElementById("keys-button").addEventListener("click", () => help.showModal());
function step(elements, by) {
  const shown = [...elements].filter((one) => one.getClientRects().length);
  const at = shown.indexOf(document.activeElement);
  const next = shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))];
  if (next) next.focus();
}
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input[type=search], select, textarea")) {
    if (event.key === "Escape" && event.target.id === "find") event.target.blur();
    return;
  }
  if (!keysOn.checked && event.key !== "?") return;
  const rows = document.querySelectorAll("#problems table.sortable tbody a");
  const programs = inside.querySelectorAll("details.program > summary");
  const keys = {
    "/": () => document.getElementById(box.open ? "find-program" : "find")?.focus(),
    "?": () => { if (!help.open) help.showModal(); },
    j: () => step(box.open ? programs : rows, 1),
    k: () => step(box.open ? programs : rows, -1),
    t: () => button.click(),
    b: () => document.querySelector("#axes input:checked")?.dispatchEvent(new Event("next")),
    ...(box.open ? {
      n: () => go(1),
      p: () => go(-1),
      v: () => {
        const chips = [...inside.querySelectorAll(".chip")];
        const at = chips.findIndex((chip) => chip.getAttribute("aria-pressed") === "true");
        chips[(at + 1) % chips.length]?.click();
      },
    } : {}),
  };
  if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});
