/* SPDX-License-Identifier: MIT */
/* The page of a run: reads the columns in #data, and draws five views of the faults that the filter leaves. */
"use strict";
(function () {
  const KINDS = [
    ["first write", "#2f7ed8", ["anon-frame"]],
    ["zero page", "#9bbfe6", ["zero-page"]],
    ["copy on write", "#d1495b", ["wp_page_copy", "page-copied"]],
    ["reused", "#eda6b0", ["wp_page_reuse", "page-reused"]],
    ["swapped in", "#7b4fa6", ["do_swap_page"]],
    ["file, private copy", "#e08a1e", ["do_cow_fault"]],
    ["file, shared write", "#b8860b", ["do_shared_fault"]],
    ["file, fault-around", "#7cc47f", ["do_fault_around"]],
    ["file, read", "#2e8b57", ["do_read_fault", "do_no_page", "do_fault"]],
    ["other", "#8c8c8c", []],
    ["signal", "#e0be00", []],
  ];
  const ROWS = 100;
  const BINS = 100;
  const LIVES = 60;
  const data = JSON.parse(document.getElementById("data").textContent);
  const state = { step: null, text: "", sort: "number", down: false, first: 0, rows: [] };
  const $ = (id) => document.getElementById(id);

  /* --- The columns --- */

  function numbers(text) {
    return text ? text.split(",").map((word) => parseInt(word, 36)) : [];
  }

  function sums(deltas) {
    let sum = 0;
    return deltas.map((delta) => (sum += delta));
  }

  function kindOf(fault) {
    if (fault.outcome === "signal") return KINDS.length - 1;
    const found = KINDS.findIndex((kind) => kind[2].some((step) => fault.way.includes(step)));
    return found < 0 ? KINDS.length - 2 : found;
  }

  function readFaults() {
    const column = data.columns;
    const time = sums(numbers(column.time));
    const page = sums(numbers(column.page));
    const offset = numbers(column.offset);
    const pid = numbers(column.pid);
    const pc = numbers(column.pc);
    const kind = numbers(column.class);
    data.classes.forEach((one) => (one.kind = kindOf(one)));
    return time.map((at, i) => ({
      number: i * data.every + 1,
      time: at,
      pid: pid[i],
      page: page[i],
      offset: offset[i],
      pc: data.pcs[pc[i]],
      class: data.classes[kind[i]],
    }));
  }

  function hexAddress(fault) {
    return "0x" + (BigInt(fault.page) * BigInt(data.page_size) + BigInt(fault.offset)).toString(16);
  }

  const faults = readFaults();
  const end = Math.max(1, d3.max(faults, (fault) => fault.time) || 0, d3.max(data.processes, (task) => task.end) || 0);
  const processes = new Map(data.processes.map((process) => [process.pid, process]));

  function nameOf(pid) {
    const process = processes.get(pid);
    return process && process.name ? `${process.name} (${pid})` : `process ${pid}`;
  }

  function showTime(time) {
    if (data.clock === "step") return `step ${Math.round(time)}`;
    return time < 1000 ? `${Math.round(time)} µs` : `${(time / 1000).toFixed(3)} ms`;
  }

  /* The same, for an axis. */
  function showTick(time) {
    if (data.clock === "step" && Math.abs(time - Math.round(time)) > 0.01) return "";
    return data.clock === "step" || time < 1000 ? showTime(time) : `${+(time / 1000).toPrecision(3)} ms`;
  }

  function chosen() {
    const step = state.step;
    return step === null ? faults : faults.filter((fault) => fault.class.way.includes(step));
  }

  /* --- Drawing --- */

  function canvas(id, height, label) {
    const place = d3.select($(id));
    place.selectAll("*").remove();
    const width = Math.max(320, $(id).clientWidth || 900);
    const svg = place.append("svg").attr("viewBox", `0 0 ${width} ${height}`);
    svg.attr("role", "img").attr("aria-label", label);
    return { place, svg, width, height, left: 56, right: 30, top: 8, bottom: 26 };
  }

  function axes(c, x, y, format) {
    const ticks = Math.max(2, Math.floor(c.width / 130));
    c.svg
      .append("g")
      .attr("transform", `translate(0,${c.height - c.bottom})`)
      .call(d3.axisBottom(x).ticks(ticks).tickFormat(format));
    c.svg.append("g").attr("transform", `translate(${c.left},0)`).call(d3.axisLeft(y).ticks(5));
  }

  /* The numbers of a chart as a table, for those who cannot see it. */
  function table(place, id, names, rows) {
    const details = place.append("details");
    details.append("summary").text("These numbers as a table");
    const out = details.append("table").attr("id", id + "-numbers");
    const head = out.append("thead").append("tr");
    names.forEach((name) => head.append("th").attr("scope", "col").text(name));
    const body = out.append("tbody");
    rows.forEach((row) => {
      const line = body.append("tr");
      row.forEach((cell) => line.append("td").text(cell));
    });
  }

  function legend(place, kinds) {
    const line = place.append("p").attr("class", "legend");
    kinds.forEach((kind) => {
      const item = line.append("span");
      item.append("i").style("background", KINDS[kind][1]);
      item.append("span").text(KINDS[kind][0]);
    });
  }

  /* counts[bin][kind] */
  function countByTime(list) {
    const counts = d3.range(BINS).map(() => new Array(KINDS.length).fill(0));
    list.forEach((fault) => {
      const bin = Math.min(BINS - 1, Math.floor((fault.time / (end + 1)) * BINS));
      counts[bin][fault.class.kind] += data.every;
    });
    return counts;
  }

  function present(counts) {
    return d3.range(KINDS.length).filter((kind) => counts.some((bin) => bin[kind]));
  }

  function stack(id, label, counts, kinds) {
    const c = canvas(id, 220, label);
    const x = d3.scaleLinear([0, BINS], [c.left, c.width - c.right]);
    const most = d3.max(counts, (bin) => d3.sum(kinds, (kind) => bin[kind])) || 1;
    const y = d3.scaleLinear([0, most], [c.height - c.bottom, c.top]).nice();
    const layers = d3.stack().keys(kinds)(counts);
    layers.forEach((layer) => {
      const group = c.svg.append("g").attr("fill", KINDS[layer.key][1]);
      const bars = group.selectAll("rect").data(layer.filter((bin) => bin[1] > bin[0]));
      bars
        .enter()
        .append("rect")
        .attr("x", (bin) => x(counts.indexOf(bin.data)))
        .attr("width", Math.max(1, x(1) - x(0) - 0.5))
        .attr("y", (bin) => y(bin[1]))
        .attr("height", (bin) => y(bin[0]) - y(bin[1]));
    });
    axes(c, x, y, (bin) => showTick((bin / BINS) * end));
    legend(c.place, kinds);
    return c;
  }

  function drawOverview(list) {
    const counts = countByTime(list);
    const kinds = present(counts);
    const total = (kind) => d3.sum(counts, (bin) => bin[kind]);
    const c = stack("faults-time", "Faults in each interval, by kind", counts, kinds);
    const rows = kinds.map((kind) => [KINDS[kind][0], total(kind)]);
    table(c.place, "faults-time", ["kind", "faults"], rows.concat([["all", d3.sum(rows, (row) => row[1])]]));
    const bringing = kinds.filter((kind) => KINDS[kind][2].length);
    const sum = new Array(KINDS.length).fill(0);
    const growing = counts.map((bin) => bin.map((count, kind) => (sum[kind] += count)));
    const memory = stack("memory-time", "Pages brought so far, by how they came", growing, bringing);
    table(memory.place, "memory-time", ["kind", "pages"], bringing.map((kind) => [KINDS[kind][0], total(kind)]));
    drawProcesses(list);
  }

  /* --- Memory: rows of [time, frames by what they hold, pages since the start] --- */

  const HOLDS = [
    ["anonymous", "#2f7ed8"],
    ["file", "#2e8b57"],
    ["shared", "#b8860b"],
    ["tables", "#7b4fa6"],
    ["kernel", "#8c8c8c"],
    ["free", "#d9d9d9"],
  ];
  const DONE = [
    ["zeroed", "#2f7ed8", "zeroed"],
    ["read", "#2e8b57", "read from files"],
    ["copied", "#d1495b", "copied"],
    ["forked", "#e08a1e", "shared by fork"],
    ["swapped_out", "#7b4fa6", "swapped out"],
  ];

  function ofMemory(names) {
    const at = names.map((name) => data.memory_names.indexOf(name[0]));
    return data.memory.map((row) => at.map((column) => row[column]));
  }

  function drawMemoryLegend(place, names) {
    const line = place.append("p").attr("class", "legend");
    names.forEach((name) => {
      const item = line.append("span");
      item.append("i").style("background", name[1]);
      item.append("span").text(name[2] || name[0]);
    });
  }

  /* Areas on one another, or lines; and the last row as a table. Where little is held, only what
   * programs hold is drawn. */
  function drawMemoryChart(id, label, all, stacked) {
    const every = ofMemory(all);
    const mostlyFree = stacked && every.every((row) => row[row.length - 1] > 0.9 * d3.sum(row));
    const names = mostlyFree ? all.slice(0, -2) : all;
    const rows = every.map((row) => row.slice(0, names.length));
    const c = canvas(id, 220, label);
    const times = data.memory.map((row) => row[0]);
    const most = d3.max(rows, (row) => (stacked ? d3.sum(row) : d3.max(row))) || 1;
    const x = d3.scaleLinear([0, end], [c.left, c.width - c.right]);
    const y = d3.scaleLinear([0, most], [c.height - c.bottom, c.top]).nice();
    const below = rows.map(() => 0);
    names.forEach((name, column) => {
      const points = rows.map((row, i) => [x(times[i]), y(below[i]), y(below[i] + row[column])]);
      const path = c.svg.append("path");
      if (stacked) {
        const area = d3.area().curve(d3.curveStepAfter).x((p) => p[0]).y0((p) => p[1]).y1((p) => p[2]);
        path.attr("fill", name[1]).attr("d", area(points));
        rows.forEach((row, i) => (below[i] += row[column]));
      } else {
        const line = d3.line().curve(d3.curveStepAfter).x((p) => p[0]).y((p) => p[2]);
        path.attr("fill", "none").attr("stroke", name[1]).attr("stroke-width", 2).attr("d", line(points));
      }
    });
    axes(c, x, y, showTick);
    drawMemoryLegend(c.place, names);
    const last = every[every.length - 1];
    if (mostlyFree)
      c.place.append("p").text(`Not drawn: ${d3.sum(last.slice(-2))} pages that are free or the kernel's at the end.`);
    table(c.place, id, ["kind", "pages at the end"], all.map((name, i) => [name[2] || name[0], last[i]]));
  }

  function drawMemory() {
    $("memory").hidden = data.memory.length === 0;
    if (!data.memory.length) return;
    drawMemoryChart("memory-kinds", "Page frames over time, by what they hold", HOLDS, true);
    drawMemoryChart("memory-done", "Pages zeroed, read, copied, shared by fork, so far", DONE, false);
  }

  function drawProcesses(list) {
    const count = d3.rollup
      ? d3.rollup(list, (some) => some.length, (fault) => fault.pid)
      : d3.nest().key((fault) => +fault.pid).rollup((some) => some.length).object(list);
    const faultsOf = (pid) => ((count.get ? count.get(pid) : count[pid]) || 0) * data.every;
    const busiest = data.processes.slice().sort((a, b) => faultsOf(b.pid) - faultsOf(a.pid) || a.pid - b.pid);
    const drawn = new Set(busiest.slice(0, LIVES).map((task) => task.pid));
    const tasks = data.processes.filter((task) => drawn.has(task.pid));
    const c = canvas("processes", 24 * tasks.length + 40, "Life of each process, with its forks");
    const x = d3.scaleLinear([0, end], [c.left + 110, c.width - c.right]);
    const y = (pid) => 16 + 24 * tasks.findIndex((task) => task.pid === pid);
    tasks.forEach((task) => {
      const line = c.svg.append("g").attr("stroke", "#2f7ed8").attr("stroke-width", 4);
      line.append("line").attr("x1", x(task.start)).attr("x2", Math.max(x(task.end), x(task.start) + 2))
        .attr("y1", y(task.pid)).attr("y2", y(task.pid));
      if (drawn.has(task.parent))
        line.append("line").attr("stroke-width", 1).attr("x1", x(task.start)).attr("x2", x(task.start))
          .attr("y1", y(task.parent)).attr("y2", y(task.pid));
      c.svg.append("text").attr("x", 0).attr("y", y(task.pid) + 4).text(nameOf(task.pid));
    });
    c.svg
      .append("g")
      .attr("transform", `translate(0,${c.height - c.bottom})`)
      .call(d3.axisBottom(x).ticks(Math.max(2, Math.floor(c.width / 130))).tickFormat(showTick));
    if (busiest.length > LIVES)
      c.place.append("p").text(`The ${LIVES} with most faults; ${busiest.length - LIVES} more are in the table.`);
    table(c.place, "processes", ["process", "parent", "from", "to", "faults"], data.processes.map((task) => [
      nameOf(task.pid), task.parent === null ? "" : nameOf(task.parent), showTime(task.start), showTime(task.end),
      faultsOf(task.pid)]));
  }

  /* --- Address space --- */

  /* The regions of a process: runs of pages that are near to one another. */
  function regionsOf(list) {
    const pages = Array.from(new Set(list.map((fault) => fault.page))).sort((a, b) => a - b);
    const regions = [];
    pages.forEach((page) => {
      const last = regions[regions.length - 1];
      if (last && page - last.end < 16 && page - last.start < 2048) last.end = page + 1;
      else regions.push({ start: page, end: page + 1 });
    });
    return regions;
  }

  function drawSpace(list) {
    const pid = +$("space-process").value;
    const until = (+$("space-time").value / 1000) * end;
    const own = list.filter((fault) => fault.pid === pid);
    const latest = new Map();
    own.forEach((fault) => fault.time <= until && latest.set(fault.page, fault));
    $("space-now").textContent = `${showTime(until)}: ${latest.size} pages`;
    const regions = regionsOf(own);
    const shown = regions.slice(0, 60);
    const strips = d3.select($("space-strips"));
    strips.selectAll("*").remove();
    shown.forEach((region) => {
      const strip = strips.append("div").attr("class", "strip");
      const text = (page) => "0x" + (BigInt(page) * BigInt(data.page_size)).toString(16);
      strip.append("code").text(`${text(region.start)}-${text(region.end)}`);
      const cells = strip.append("div").attr("role", "list");
      for (let page = region.start; page < region.end; page++) {
        const fault = latest.get(page);
        const cell = cells.append("span").attr("role", "listitem").attr("tabindex", -1).attr("data-page", page);
        if (fault) cell.style("background", KINDS[fault.class.kind][1]).style("box-shadow", "none");
        cell.attr("aria-label", fault ? `${hexAddress(fault)}, ${KINDS[fault.class.kind][0]}` : "no fault yet");
      }
      cells.select("span").attr("tabindex", 0);
    });
    if (regions.length > shown.length)
      strips.append("p").text(`${regions.length - shown.length} more regions are not drawn.`);
    state.latest = latest;
  }

  function explainPage(cell) {
    const fault = state.latest.get(+cell.dataset.page);
    if (!fault) {
      $("space-detail").textContent = "No fault on this page so far.";
      return;
    }
    const one = fault.class;
    const by = fault.pc ? ` by ${fault.pc}` : "";
    $("space-detail").textContent =
      `${one.access} of ${hexAddress(fault)}${by} at ${showTime(fault.time)}: ${KINDS[one.kind][0]}, ` +
      `decided by ${one.rule}; ${one.way.join(" → ")}`;
  }

  function moveInStrip(event) {
    const to = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
    const next = to && event.target.dataset.page && event.target[to];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
  }

  function setUpSpace() {
    const select = $("space-process");
    data.processes.forEach((process) => select.add(new Option(nameOf(process.pid), process.pid)));
    const busy = d3.nest().key((fault) => fault.pid).rollup((some) => some.length).entries(faults);
    busy.sort((a, b) => b.value - a.value);
    if (busy.length) select.value = busy[0].key;
    legend(d3.select($("space-legend")), d3.range(KINDS.length));
    select.addEventListener("change", () => drawSpace(chosen()));
    $("space-time").addEventListener("input", () => drawSpace(chosen()));
    const strips = $("space-strips");
    strips.addEventListener("mouseover", (event) => event.target.dataset.page && explainPage(event.target));
    strips.addEventListener("focusin", (event) => event.target.dataset.page && explainPage(event.target));
    strips.addEventListener("keydown", moveInStrip);
  }

  /* --- Ways --- */

  function tree(list) {
    const root = { name: "all faults", children: new Map(), value: 0 };
    list.forEach((fault) => {
      let node = root;
      fault.class.way.forEach((step) => {
        if (!node.children.has(step)) node.children.set(step, { name: step, children: new Map(), value: 0 });
        node = node.children.get(step);
      });
      node.value += data.every;
    });
    return root;
  }

  function filterBy(step) {
    state.step = step;
    state.first = 0;
    $("filter-line").textContent = step === null ? "" : `Only faults that took ${step}.`;
    drawAll();
  }

  function drawWays(list) {
    const root = d3.hierarchy(tree(list), (node) => Array.from(node.children.values()));
    root.sum((node) => node.value).sort((a, b) => b.value - a.value);
    const c = canvas("ways-flame", (root.height + 1) * 20 + 4, "Flame graph of the ways");
    d3.partition().size([c.width, (root.height + 1) * 20])(root);
    c.svg.attr("class", "flame").attr("role", "group");
    const colour = d3.scaleOrdinal(["#f5b971", "#f2a65a", "#f7cf8f", "#eeb462", "#f9dcae"]);
    const nodes = root.descendants().filter((node) => node.x1 - node.x0 > 0.5);
    const boxes = c.svg.selectAll("g").data(nodes).enter().append("g");
    boxes
      .append("rect")
      .attr("x", (node) => node.x0)
      .attr("y", (node) => node.y0)
      .attr("width", (node) => node.x1 - node.x0)
      .attr("height", 19)
      .attr("fill", (node) => colour(node.data.name))
      .attr("tabindex", 0)
      .attr("role", "button")
      .attr("aria-label", (node) => `${node.data.name}: ${node.value} faults`)
      .on("click", (node) => filterBy(node.depth ? node.data.name : null))
      .on("keydown", (node) => {
        if (d3.event.key === "Enter" || d3.event.key === " ") filterBy(node.depth ? node.data.name : null);
      })
      .append("title")
      .text((node) => `${node.data.name}: ${node.value} faults`);
    boxes
      .filter((node) => node.x1 - node.x0 > 8 * 5)
      .append("text")
      .attr("x", (node) => node.x0 + 4)
      .attr("y", (node) => node.y0 + 14)
      .text((node) => node.data.name.slice(0, Math.floor((node.x1 - node.x0 - 6) / 7)));
    const count = new Map();
    list.forEach((fault) => new Set(fault.class.way).forEach((step) => count.set(step, (count.get(step) || 0) + data.every)));
    table(c.place, "ways", ["step", "faults"], Array.from(count).sort((a, b) => b[1] - a[1]));
  }

  /* --- Working set --- */

  function drawSetInTime(list) {
    const seen = d3.range(BINS).map(() => new Set());
    list.forEach((fault) => {
      const bin = Math.min(BINS - 1, Math.floor((fault.time / (end + 1)) * BINS));
      seen[bin].add(fault.pid + ":" + fault.page);
    });
    const c = canvas("set-time", 180, "Different pages with a fault in each interval");
    const x = d3.scaleLinear([0, BINS], [c.left, c.width - c.right]);
    const y = d3.scaleLinear([0, d3.max(seen, (set) => set.size) || 1], [c.height - c.bottom, c.top]).nice();
    const line = d3.line().x((set, i) => x(i + 0.5)).y((set) => y(set.size));
    c.svg.append("path").attr("fill", "none").attr("stroke", "#2f7ed8").attr("stroke-width", 2).attr("d", line(seen));
    axes(c, x, y, (bin) => showTick((bin / BINS) * end));
  }

  const POLICY_COLOURS = ["#2f7ed8", "#2e8b57", "#7b4fa6", "#e08a1e"];

  /* What the library itself did with the same references: points on the curve of exact LRU. */
  function drawPolicies(c, x, y) {
    const curves = data.curve.policies.curves.filter((curve) => curve.points.length);
    const line = c.place.append("p").attr("class", "legend");
    const names = [["exact LRU", "#d1495b"]];
    curves.forEach((curve, i) => {
      const colour = POLICY_COLOURS[i % POLICY_COLOURS.length];
      names.push([`the library's ${curve.name}`, colour]);
      c.svg.append("g").attr("fill", colour).selectAll("circle").data(curve.points).enter().append("circle")
        .attr("r", 4).attr("cx", (p) => x(p[0])).attr("cy", (p) => y(p[1]));
    });
    names.forEach((name) => {
      const item = line.append("span");
      item.append("i").style("background", name[1]);
      item.append("span").text(name[0]);
    });
    const rows = curves.map((curve) => curve.points.map((point) => [curve.name, ...point]));
    if (rows.length) table(c.place, "set-policies", ["policy", "pages", "misses"], [].concat(...rows));
  }

  /* Of all references, whatever the filter leaves: distances among a part of them would say nothing. */
  function drawCurve() {
    const { points, source, references, every, error, first, policies } = data.curve;
    const recorded =
      source === "plugin"
        ? `The references are the program's own accesses, as QEMU made them: ${references}, where one after the other to ` +
          `one page count as one.`
        : `The references are the ${references} faults themselves: an access that takes no fault is not recorded, so the ` +
          `curve is a lower bound.`;
    const how =
      every > 1
        ? `Of LRU, by one page in ${every}; a standard error of ${error.toFixed(2)} percent of the references.`
        : "Exact for LRU.";
    $("curve-note").textContent =
      `${how} ${recorded} ${first} of them are first references, which no memory saves.` +
      (policies.every > 1 ? ` The library replayed one page in ${policies.every}.` : "");
    const c = canvas("set-curve", 220, "Misses against pages of memory");
    const x = d3.scaleLinear([0, Math.max(1, d3.max(points, (point) => point[0]) || 1)], [c.left, c.width - c.right]);
    const y = d3.scaleLinear([0, Math.max(1, references)], [c.height - c.bottom, c.top]).nice();
    const line = d3.line().x((point) => x(point[0])).y((point) => y(point[1]));
    c.svg.append("path").attr("fill", "none").attr("stroke", "#d1495b").attr("stroke-width", 2).attr("d", line(points) || "");
    drawPolicies(c, x, y);
    axes(c, x, y, (pages) => `${pages} p`);
    table(c.place, "set-curve", ["pages", "misses"], points);
  }

  /* --- The table --- */

  const COLUMNS = [
    ["number", "no.", (fault) => fault.number],
    ["time", "time", (fault) => fault.time],
    ["process", "process", (fault) => nameOf(fault.pid)],
    ["access", "access", (fault) => fault.class.access],
    ["address", "address", (fault) => fault.page * data.page_size + fault.offset],
    ["pc", "instruction", (fault) => fault.pc || ""],
    ["kind", "kind", (fault) => KINDS[fault.class.kind][0]],
    ["outcome", "outcome", (fault) => fault.class.outcome + (fault.class.signal ? " " + fault.class.signal : "")],
    ["rule", "rule", (fault) => fault.class.rule],
    ["way", "way", (fault) => fault.class.way.join(" ")],
  ];

  function cells(fault) {
    return COLUMNS.map((column) => {
      if (column[0] === "address") return hexAddress(fault);
      return column[0] === "time" ? showTime(fault.time) : column[2](fault);
    });
  }

  function filterRows(list) {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (fault) => {
      const text = cells(fault).join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const value = COLUMNS.find((column) => column[0] === state.sort)[2];
    const rows = words.length ? list.filter(fits) : list.slice();
    if (state.sort !== "number") rows.sort((a, b) => d3.ascending(value(a), value(b)) || a.number - b.number);
    return state.down ? rows.reverse() : rows;
  }

  function drawRows() {
    const shown = state.rows.slice(state.first, state.first + ROWS);
    const lines = d3.select($("table")).select("tbody").html("").selectAll("tr").data(shown).enter().append("tr");
    lines
      .selectAll("td")
      .data((fault) => cells(fault))
      .enter()
      .append("td")
      .attr("class", (cell, i) => (["number", "address", "pc"].includes(COLUMNS[i][0]) ? "number" : null))
      .text((cell) => cell);
    const last = state.first + shown.length;
    $("table-where").textContent = shown.length
      ? `${state.first + 1} to ${last} of ${state.rows.length}`
      : "no fault fits";
    $("table-back").disabled = state.first === 0;
    $("table-on").disabled = last >= state.rows.length;
  }

  function drawTable(list) {
    state.rows = filterRows(list);
    d3.select($("table")).selectAll("th").attr("aria-sort", (column) => {
      if (column[0] !== state.sort) return "none";
      return state.down ? "descending" : "ascending";
    });
    drawRows();
  }

  function csv() {
    const quote = (cell) => `"${String(cell).replace(/"/g, '""')}"`;
    const lines = [COLUMNS.map((column) => column[0])].concat(state.rows.map(cells));
    return lines.map((line) => line.map(quote).join(",")).join("\r\n") + "\r\n";
  }

  function saveCsv() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = "faults.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function setUpTable() {
    const head = d3.select($("table")).select("thead").append("tr").selectAll("th").data(COLUMNS).enter().append("th");
    head.attr("scope", "col").append("button").attr("type", "button").text((column) => column[1])
      .on("click", (column) => {
        state.down = state.sort === column[0] && !state.down;
        state.sort = column[0];
        state.first = 0;
        drawTable(chosen());
      });
    $("table-filter").addEventListener("input", (event) => {
      state.text = event.target.value;
      state.first = 0;
      drawTable(chosen());
    });
    $("table-back").addEventListener("click", () => {
      state.first = Math.max(0, state.first - ROWS);
      drawRows();
    });
    $("table-on").addEventListener("click", () => {
      state.first += ROWS;
      drawRows();
    });
    $("table-csv").addEventListener("click", saveCsv);
  }

  /* --- The whole --- */

  function summary() {
    const sampled = data.every > 1 ? `, of which one in ${data.every} is in this page` : "";
    const killed = data.complete ? "" : " The record ends before the program did.";
    $("title").textContent = `Faults of ${data.program}`;
    document.title = $("title").textContent;
    $("summary").textContent =
      `${data.total} faults${sampled}, ${data.processes.length} processes, ${data.arch}, ${data.profile}.${killed}`;
  }

  function drawAll() {
    const list = chosen();
    drawOverview(list);
    drawSpace(list);
    drawWays(list);
    drawSetInTime(list);
    drawTable(list);
  }

  summary();
  setUpSpace();
  setUpTable();
  $("ways-all").addEventListener("click", () => filterBy(null));
  drawMemory();
  drawCurve();
  drawAll();
  document.documentElement.dataset.drawn = String(faults.length);
})();
