// Returns the text that the page holds packed: base64 of gzip.
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
// What the address names after #; nothing where it is no proper text.
const named = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
};
// A link to something folded unfolds it, and paper shows the whole page.
const unfold = () => {
  const target = named() && document.getElementById(named());
  if (!target) return;
  for (let item = target.querySelector(":scope > details") ?? target; item; item = item.parentElement) {
    if (item instanceof HTMLDetailsElement) item.open = true;
  }
  target.scrollIntoView();
};
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((item) => { item.open = true; }));
unfold();
// A packed drawing is unpacked when it is first looked at.
document.addEventListener("toggle", ({ target }) => {
  for (const image of target.open ? target.querySelectorAll("img[data-packed]") : []) {
    unpack(image.dataset.packed).then((text) => {
      image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    });
    delete image.dataset.packed;
  }
}, true);
