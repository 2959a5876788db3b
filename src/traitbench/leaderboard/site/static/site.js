// The table of students: search, facets, columns and comparison, all of it in the address. DataTables sorts, searches
// and pages; without this script the table is whole and readable.
"use strict";
(() => {
  const board = document.getElementById("board");
  if (!board || !window.DataTable) return;
  const PAGE = 100, MOST = 4;
  const form = document.getElementById("controls"), count = document.getElementById("count");
  const search = document.getElementById("q"), panel = document.getElementById("compare");
  const jump = document.getElementById("jump");
  const selects = [...form.querySelectorAll("select")], boxes = [...form.querySelectorAll('[name="column"]')];
  const heads = [...board.tHead.rows[0].cells], keys = heads.map((th) => th.dataset.key);
  const usual = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const rows = [...board.tBodies[0].rows];
  const byId = new Map(rows.map((tr) => [tr.id.slice(2), tr]));
  const highest = new Set(["shift", "p", "in_domain", "versus_base", "versus_control", "rate", "mass", "size", "seeds"]);
  const lowest = new Set(["tie", "rank"]);
  const wanted = [];
  let picked = [], quiet = true;

  const places = (names) => keys.map((key, i) => (names.has(key) ? i : -1)).filter((i) => i >= 0);
  const start = [[keys.indexOf("shift"), "desc"]];

  const table = new window.DataTable(board, {
    order: start, pageLength: PAGE, autoWidth: false, deferRender: true, orderClasses: false,
    layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: "paging" },
    language: { info: "_START_ to _END_ of _TOTAL_ rows", infoFiltered: "(of _MAX_)", infoEmpty: "no rows", zeroRecords: "No row is like that.",
      paginate: { first: "First", previous: "Previous", next: "Next", last: "Last" } },
    columnDefs: [{ targets: 0, orderable: false, searchable: false },
      { targets: places(highest), orderSequence: ["desc", "asc"], type: "num" },
      { targets: places(lowest), orderSequence: ["asc", "desc"], type: "num" }, { targets: "_all", type: "html" }],
  });
  table.search.fixed("facets", (_, __, index) => wanted.every(([name, value]) => rows[index].dataset[name] === value));

  // ---- state <-> address -------------------------------------------------------------------------------------------
  function write() {
    if (quiet) return;
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    selects.forEach((each) => each.value && state.set(each.name, each.value));
    const [by] = table.order();
    if (by && String(by) !== String(start[0])) state.set("sort", `${keys[by[0]]}.${by[1]}`);
    const hidden = boxes.filter((box) => !box.checked && usual.has(box.value)).map((box) => `-${box.value}`);
    const more = boxes.filter((box) => box.checked && !usual.has(box.value)).map((box) => box.value);
    if (hidden.length || more.length) state.set("columns", [...more, ...hidden].join(","));
    if (picked.length) state.set("compare", picked.join(","));
    if (table.page() > 0) state.set("page", table.page() + 1);
    const text = state.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  function read() {
    quiet = true;
    const row = /^#r-([\w-]+)$/.exec(location.hash), state = new URLSearchParams(row ? "" : location.hash.slice(1));
    search.value = state.get("q") || "";
    selects.forEach((each) => {
      const value = state.get(each.name) || "";
      each.value = [...each.options].some((option) => option.text === value) ? value : "";
    });
    const columns = (state.get("columns") || "").split(",");
    boxes.forEach((box) => { box.checked = (usual.has(box.value) || columns.includes(box.value)) && !columns.includes(`-${box.value}`); });
    const [key, way] = (state.get("sort") || "").split(".");
    table.order(keys.indexOf(key) > 0 && (way === "asc" || way === "desc") ? [[keys.indexOf(key), way]] : start);
    picked = (state.get("compare") || "").split(",").filter((id) => byId.has(id)).slice(0, MOST);
    showColumns();
    showPicked();
    const page = Math.max(0, Number(state.get("page") || 1) - 1) || 0;
    filter();
    if (row && byId.has(row[1])) reveal(byId.get(row[1]));
    else if (page > 0) table.page(page).draw(false);
    quiet = false;
  }

  function filter() {
    wanted.length = 0;
    selects.forEach((each) => each.value && wanted.push([each.name, each.value]));
    table.search(search.value).draw();
  }

  function reveal(tr) {
    const place = table.rows({ order: "applied", search: "applied" }).nodes().indexOf(tr);
    if (place < 0) return;
    table.page(Math.floor(place / PAGE)).draw(false);
    rows.forEach((each) => each.classList.toggle("target", each === tr));
    tr.scrollIntoView({ block: "center" });
  }

  const showColumns = () => boxes.forEach((box) => board.classList.toggle(`h-${box.value}`, !box.checked));

  // ---- comparison --------------------------------------------------------------------------------------------------
  const pick = (tr) => tr.querySelector(".pk");
  const named = (id) => ({ id, file: byId.get(id).dataset.file, name: byId.get(id).querySelector("th a").textContent,
    href: byId.get(id).querySelector("th a").getAttribute("href"), p: byId.get(id).querySelectorAll("td.v b")[0] });

  function showPicked() {
    const full = picked.length >= MOST;
    byId.forEach((tr, id) => { const box = pick(tr); box.checked = picked.includes(id); box.disabled = full && !box.checked; });
    panel.hidden = jump.hidden = picked.length === 0;
    jump.textContent = `${picked.length} chosen: compare`;
    if (picked.length) compare();
  }

  async function compare() {
    const body = document.getElementById("compare-body"), now = picked.join();
    const chosen = picked.map(named);
    const list = element("ol", "chosen", ...chosen.map((each) => {
      const remove = element("button", "quiet", "Remove");
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${each.name}`);
      remove.addEventListener("click", () => { picked = picked.filter((id) => id !== each.id); showPicked(); write(); });
      const link = element("a", "", each.name);
      link.href = each.href;
      return element("li", "", link, " ", remove);
    }));
    if (chosen.length < 2) { body.replaceChildren(list, element("p", "soft", "Choose one to three further rows.")); return; }
    let found;
    try { found = await window.traitbench.compare(chosen); }
    catch { body.replaceChildren(list, element("p", "soft", "The questions could not be loaded.")); return; }
    if (now !== picked.join()) return;
    const items = found.map((each) => {
      const title = element("b", "", `${each.a.name} less ${each.b.name}`);
      if (!each.context) return element("li", "", title, element("p", "soft", "Not compared: another trait, other questions, or another method."));
      const [low, high] = each.ci, apart = low > 0 || high < 0;
      const said = apart ? (low > 0 ? "the first prefers it more" : "the second prefers it more") : "cannot be told apart";
      return element("li", "", title, drawing(each), element("p", "", `${signed(each.difference)} (${signed(low)} to ${signed(high)}), ${each.context.replace("_", " ")}: ${said}.`));
    });
    body.replaceChildren(list, element("ul", "pairs", ...items), element("p", "soft", "Difference of P(trait), paired by question, with its 95% interval."));
  }

  function drawing({ difference, ci }) {
    const box = document.createElementNS("http://www.w3.org/2000/svg", "svg"), at = (v) => (150 + 148 * v).toFixed(1);
    const draw = (name, what) => { const node = document.createElementNS("http://www.w3.org/2000/svg", name); Object.entries(what).forEach(([k, v]) => node.setAttribute(k, v)); box.append(node); };
    box.setAttribute("viewBox", "0 0 300 16");
    box.setAttribute("class", "ci wide");
    box.setAttribute("aria-hidden", "true");
    draw("path", { class: "z", d: "M150 1V15" });
    draw("path", { class: "w", d: `M${at(ci[0])} 8H${at(ci[1])}` });
    draw("circle", { cx: at(difference), cy: 8, r: 3.5 });
    return box;
  }

  function element(name, kind, ...content) {
    const node = document.createElement(name);
    if (kind) node.className = kind;
    node.append(...content);
    return node;
  }

  const signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(3)}`;

  // ---- events ------------------------------------------------------------------------------------------------------
  let timer;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => { filter(); write(); }, 120); });
  selects.forEach((each) => each.addEventListener("change", () => { filter(); write(); }));
  boxes.forEach((box) => box.addEventListener("change", () => { showColumns(); write(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => { history.replaceState(null, "", location.pathname + location.search); setTimeout(read); });
  board.addEventListener("change", (event) => {
    if (!event.target.classList.contains("pk")) return;
    const id = event.target.closest("tr").id.slice(2);
    picked = event.target.checked ? [...picked, id].slice(0, MOST) : picked.filter((each) => each !== id);
    showPicked();
    write();
  });
  jump.addEventListener("click", () => { panel.scrollIntoView({ block: "center" }); panel.querySelector("h2").focus(); });
  table.on("order.dt page.dt", () => setTimeout(write));
  table.on("draw.dt", () => { board.closest(".dt-container").classList.toggle("lone", table.page.info().pages < 2); count.textContent = `${table.rows({ search: "applied" }).count()} of ${rows.length} rows`; });
  addEventListener("hashchange", read);
  let length = PAGE;
  addEventListener("beforeprint", () => { length = table.page.len(); table.page.len(-1).draw(false); });
  addEventListener("afterprint", () => { table.page.len(length).draw(false); });

  form.hidden = false;
  read();
  document.documentElement.classList.add("ready");
})();
