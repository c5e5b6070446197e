const library = await unpack(document.getElementById("table-library").textContent);
const { default: DataTable } = await import(URL.createObjectURL(new Blob([library], { type: "text/javascript" })));
const FEW = 60, ON_A_PAGE = 50;

// Numbers are sorted by data-order; a cell without one stays last in either order.
const emptyLast = (sign) => (one, other) => {
  if (one === "" || other === "") return (one === "") - (other === "");
  return sign * (Number(one) - Number(other));
};
DataTable.type("value", { order: { asc: emptyLast(1), desc: emptyLast(-1) } });

const sortable = (table) => new DataTable(table, {
  autoWidth: false,
  columnDefs: [{ targets: ".number", type: "value" }],
  layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: table.tBodies[0].rows.length > FEW ? "paging" : null },
  order: [],
  pageLength: ON_A_PAGE,
  paging: table.tBodies[0].rows.length > FEW,
});

// What a form above a table shows of it: groups of columns, rows by their data attributes, rows with some words.
const control = (form, table, shown) => {
  const groups = [...form.querySelectorAll("button[data-group]")];
  const heads = shown.columns().header().toArray();
  const columns = (name) => heads.flatMap((head, place) => (head.dataset.group === name ? [place] : []));
  const show = (wanted) => {
    for (const button of groups) {
      const name = button.dataset.group, on = wanted(name);
      button.setAttribute("aria-pressed", on);
      if (name) shown.columns(columns(name)).visible(on, false);
    }
    shown.columns.adjust();
  };
  const pressed = (name) => groups.some((item) => item.dataset.group === name && item.ariaPressed === "true");
  const all = (wanted) => (name) => (name ? wanted(name) : groups.every((item) => !item.dataset.group || wanted(item.dataset.group)));
  for (const button of groups) {
    const name = button.dataset.group;
    button.addEventListener("click", () => show(all(name ? (other) => (other === name) !== pressed(other) : () => true)));
  }
  const first = groups.find((button) => button.dataset.group)?.dataset.group;
  const begin = () => show(all((name) => name === first));

  const fields = [...form.querySelectorAll("select")];
  const search = form.querySelector("input[type=search]");
  const counted = form.querySelector("output");
  shown.search.fixed("rows", (_, __, place) => {
    const row = shown.row(place).node();
    return fields.every((field) => !field.value || row.dataset[field.name] === field.value);
  });
  const filter = () => {
    shown.search(search.value).draw();
    const { recordsDisplay, recordsTotal } = shown.page.info();
    counted.textContent = recordsDisplay === recordsTotal ? `${recordsTotal} rows` : `${recordsDisplay} of ${recordsTotal} rows`;
  };
  search.addEventListener("input", filter);
  fields.forEach((field) => field.addEventListener("change", filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { begin(); shown.order([]); filter(); }));
  form.hidden = false;
  begin();
  filter();

  // The address #row=... shows that row, whatever was filtered.
  const visit = () => {
    const name = named();
    const row = name.startsWith("row=") && shown.rows().nodes().toArray().find((item) => item.dataset.row === name.slice(4));
    shown.rows().nodes().toArray().forEach((item) => item.classList.toggle("visited", item === row));
    if (!row) return;
    fields.forEach((field) => { field.value = ""; });
    search.value = "";
    filter();
    const place = shown.rows({ order: "applied", search: "applied" }).nodes().toArray().indexOf(row);
    const length = shown.page.len();
    if (length > 0) shown.page(Math.floor(place / length)).draw("page");
    row.scrollIntoView({ block: "center" });
    row.querySelector("a")?.focus({ preventScroll: true });
  };
  addEventListener("hashchange", visit);
  visit();
  addEventListener("beforeprint", () => shown.page.len(-1).draw());
};

for (const table of document.querySelectorAll("table.sortable")) {
  const folded = table.closest("details");
  const form = document.querySelector(`form[data-table="${table.id}"]`);
  if (form) control(form, table, sortable(table));
  else if (!folded || folded.open) sortable(table);
  else folded.addEventListener("toggle", () => sortable(table), { once: true });
}
document.documentElement.dataset.tables = "ready";
