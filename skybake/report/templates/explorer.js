// Figures to explore: which models are shown, what is selected, and the colours of the page. No request leaves the page.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const facts = JSON.parse($("explorer-facts").textContent);
  const boxes = [...document.querySelectorAll("#explorer-models input")];
  const SHOWN = 200; // lines of the list of selected objects; the CSV has all
  let plots = [];
  let objects = null;

  // One sheet of thumbnails: an address that style sheets share, also those inside the figures.
  const sheet = $("explorer-sheet").src;
  const bytes = Uint8Array.from(atob(sheet.slice(sheet.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type: "image/webp" }));
  document.documentElement.style.setProperty("--sheet", `url(${address})`);

  const plot = (name) => plots.find((one) => one.name === name);
  const ofModel = (renderer) => (/^model\d+$/.test(renderer.name) ? Number(renderer.name.slice(5)) : -1);

  function showModels() {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.value)));
    for (const one of plots)
      for (const renderer of one.renderers) {
        const model = ofModel(renderer);
        if (model >= 0) renderer.visible = shown.has(model);
      }
    list();
  }

  const asInk = (renderer) => renderer.name === "ink" || (ofModel(renderer) >= 0 && facts.models[ofModel(renderer)].baseline);

  function colour(print) {
    const dark = !print && matchMedia("(prefers-color-scheme: dark)").matches;
    const style = getComputedStyle(document.documentElement);
    const of = (name, light) => (print ? light : style.getPropertyValue(name).trim());
    const [ink, paper, line] = [of("--ink", "#000"), of("--paper", "#fff"), of("--line", "#bbb")];
    for (const one of plots) {
      one.setv({ background_fill_color: paper, border_fill_color: paper, outline_line_color: line });
      for (const axis of [...one.below, ...one.left])
        if ("axis_label_text_color" in axis)
          axis.setv({ axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: ink, major_tick_line_color: ink, minor_tick_line_color: line });
      for (const item of one.center) {
        if ("grid_line_color" in item) item.grid_line_color = line;
        if (item.name === "ink") item.line_color = ink;
      }
      for (const renderer of one.renderers)
        if (asInk(renderer))
          for (const glyph of [renderer.glyph, renderer.selection_glyph, renderer.nonselection_glyph]) {
            if (!glyph || typeof glyph !== "object") continue;
            if ("fill_color" in glyph) glyph.fill_color = { value: ink };
            if ("line_color" in glyph) glyph.line_color = { value: ink };
          }
    }
    document.documentElement.dataset.explored = dark ? "dark" : "light";
  }

  const at = (name, row) => objects.data[name][row];
  const number = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "");

  function columns(models) {
    const found = [["id", (row) => at("id", row)]];
    if (facts.sky) found.push(["ra", (row) => String(at("ra", row))], ["dec", (row) => String(at("dec", row))]);
    found.push(["true", (row) => (facts.classes.length ? at("true_name", row) : number(at("true", row)))]);
    for (const name of facts.scalars) found.push([name.replace("scalar ", ""), (row) => number(at(name, row))]);
    for (const model of models) {
      const said = facts.models[model].name;
      found.push([`${said}: predicted`, (row) => (facts.classes.length ? at(`name${model}`, row) : number(at(`predicted${model}`, row)))]);
      found.push([`${said}: ${facts.classes.length ? "probability" : "uncertainty"}`, (row) => number(at(`sigma${model}`, row))]);
    }
    return found;
  }

  const chosen = () => (objects ? [...objects.selected.indices].sort((a, b) => a - b) : []);
  const shownModels = () => boxes.filter((box) => box.checked).map((box) => Number(box.value));

  function list() {
    const rows = chosen();
    const [head, body] = [document.querySelector("#selected thead"), document.querySelector("#selected tbody")];
    head.replaceChildren();
    body.replaceChildren();
    $("selected-number").textContent = rows.length;
    $("selected-caption").textContent = rows.length
      ? (rows.length > SHOWN ? `The first ${SHOWN} of ${rows.length}; the CSV has all.` : "With the models that are shown.")
      : "None: select objects in a figure, or by the controls above.";
    if (!rows.length) return;
    const found = columns(shownModels());
    const cell = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });
    const heads = document.createElement("tr");
    for (const name of ["image", ...found.map(([name]) => name)]) heads.append(Object.assign(cell("th", name), { scope: "col" }));
    head.append(heads);
    for (const row of rows.slice(0, SHOWN)) {
      const line = document.createElement("tr");
      const image = document.createElement("td");
      const thumb = Object.assign(document.createElement("span"), { className: "thumb" });
      thumb.setAttribute("role", "img");
      thumb.setAttribute("aria-label", `Image of ${at("id", row)}`);
      thumb.style.backgroundPosition = `${at("x", row)}px ${at("y", row)}px`;
      image.append(thumb);
      line.append(image, ...found.map(([, value], place) => (place ? cell("td", value(row)) : Object.assign(cell("th", value(row)), { scope: "row" }))));
      body.append(line);
    }
  }

  function csv() {
    const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const found = columns(shownModels());
    const lines = chosen().map((row) => found.map(([, value]) => quoted(value(row))).join(","));
    return [found.map(([name]) => quoted(name)).join(","), ...lines].join("\n") + "\n";
  }

  async function copy() {
    const text = csv();
    try {
      await navigator.clipboard.writeText(text);
    } catch { // pages that are opened as files may not use it
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    $("selected-said").textContent = `Copied ${chosen().length} objects.`;
  }

  function save() {
    const link = Object.assign(document.createElement("a"), { download: `${facts.dataset}-selected.csv` });
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    $("selected-said").textContent = `Saved ${chosen().length} objects.`;
  }

  const select = (rows) => { objects.selected.indices = rows; };

  function selectEnd() {
    const size = at.bind(null, `error${$("select-model").value}`);
    const worst = $("select-end").value === "worst";
    const value = (row) => (Number.isFinite(size(row)) ? Math.abs(size(row)) : Infinity);
    const rows = objects.data.id.map((_, row) => row).filter((row) => worst || value(row) < Infinity);
    rows.sort((a, b) => (worst ? value(b) - value(a) : value(a) - value(b)) || a - b);
    select(rows.slice(0, Math.max(1, Number($("select-number").value) || 1)));
  }

  function against() {
    const name = $("explorer-against").value;
    const one = plot("error");
    for (const renderer of one.renderers)
      for (const glyph of [renderer.glyph, renderer.selection_glyph, renderer.nonselection_glyph, renderer.hover_glyph, renderer.muted_glyph])
        if (glyph && typeof glyph === "object") glyph.x = { field: name };
    one.below[0].axis_label = $("explorer-against").selectedOptions[0].textContent;
    one.reset.emit();
  }

  function confused() {
    const model = $("explorer-confused").value;
    for (const renderer of plot("confusion").renderers)
      for (const glyph of [renderer.glyph, renderer.selection_glyph, renderer.nonselection_glyph]) {
        if (!glyph || typeof glyph !== "object") continue;
        if ("text" in glyph) glyph.setv({ text: { field: `text${model}` }, text_color: { field: `ink${model}` } });
        else glyph.fill_color = { ...glyph.fill_color, field: `share${model}` };
      }
  }

  function ofCell() {
    const cells = plot("confusion").renderers.find((one) => one.name === "cells").data_source;
    const [cell] = cells.selected.indices;
    if (cell === undefined) return;
    const [true_, predicted] = [Math.floor(cell / facts.classes.length), cell % facts.classes.length];
    const model = $("explorer-confused").value;
    select(objects.data.id.map((_, row) => row).filter((row) => at("true", row) === true_ && at(`predicted${model}`, row) === predicted));
  }

  function ofClass(value) {
    for (const one of document.querySelectorAll(".explorer-class")) one.value = value;
    for (const name of ["roc", "recall"])
      for (const renderer of plot(name).renderers)
        if (ofModel(renderer) >= 0) renderer.glyph.y = { field: value };
  }

  function classes() {
    const lists = document.querySelectorAll(".explorer-class");
    if (!lists.length) return;
    const line = plot("roc").renderers.find((renderer) => ofModel(renderer) >= 0);
    for (const one of lists) {
      for (const key of Object.keys(line.data_source.data instanceof Map ? Object.fromEntries(line.data_source.data) : line.data_source.data))
        if (key !== "x") one.append(new Option(facts.classes[Number(key.slice(5))], key));
      one.addEventListener("change", () => ofClass(one.value));
    }
  }

  async function begin() {
    const { docs, items } = JSON.parse($("explorer-documents").textContent);
    await Bokeh.embed.embed_items(docs, items);
    const found = Bokeh.documents.find((one) => one.get_model_by_name("objects")) || Bokeh.documents[Bokeh.documents.length - 1];
    plots = found.roots();
    objects = found.get_model_by_name("objects");
    classes();
    colour();
    showModels();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colour());
    addEventListener("beforeprint", () => colour(true));
    addEventListener("afterprint", () => colour());
    for (const box of boxes) box.addEventListener("change", showModels);
    $("explorer-all").addEventListener("click", () => { for (const box of boxes) box.checked = true; showModels(); });
    $("explorer-first").addEventListener("click", () => { for (const box of boxes) box.checked = box.dataset.shown === "1"; showModels(); });
    $("explorer-against")?.addEventListener("change", against);
    $("explorer-confused")?.addEventListener("change", confused);
    $("select-go").addEventListener("click", selectEnd);
    $("select-none").addEventListener("click", () => select([]));
    $("selected-copy").addEventListener("click", copy);
    $("selected-save").addEventListener("click", save);
    document.addEventListener("objects-selected", list);
    document.addEventListener("cell-selected", ofCell);
    document.documentElement.dataset.explorer = "ready";
  }

  $("atlas-model").addEventListener("change", () => {
    document.querySelectorAll(".atlas-of").forEach((one, place) => { one.hidden = place !== Number($("atlas-model").value); });
  });
  // The table comes first: figures are made once the page stands.
  const later = window.requestIdleCallback || ((call) => setTimeout(call, 1));
  addEventListener("load", () => later(begin));
})();
