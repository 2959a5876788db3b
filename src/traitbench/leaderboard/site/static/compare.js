// The paired difference of two rows, by the formulas of traitbench.stats (shift_interval on the probability scale):
// family-clustered and question-level t, widened for skewness; truncation at its worst; draws and seeds in quadrature.
"use strict";
(() => {
  const MILLION = 1e6, FAR = 3, FAR_FACTOR = 1.5;
  const loaded = {}, waiting = {};
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const mean = (values) => sum(values) / values.length;
  const sd = (values) => { const m = mean(values); return Math.sqrt(sum(values.map((v) => (v - m) ** 2)) / (values.length - 1)); };

  function moments(parts) {
    const n = parts.length, variance = sum(parts.map((p) => p * p)) * n / (n - 1);
    if (variance < 1e-300 || n < 3) return [Math.sqrt(Math.max(variance, 0)), 0];
    const third = sum(parts.map((p) => p ** 3)) * n * n / ((n - 1) * (n - 2));
    return [Math.sqrt(variance), third / variance ** 1.5];
  }

  function widened([t, t95], skewness) {
    if (skewness <= 0) return t;
    const inverse = skewness < 1e-7 ? -t : (Math.cbrt(1 + skewness * (-t - skewness / 6)) - 1) * 3 / skewness;
    return Math.max(t, Math.min(-inverse, Math.max(FAR_FACTOR * t, FAR * t95)));
  }

  // how far the mean of `values` (one a question) may lie from itself, on one side (1 or -1)
  function questionReach(values, families, quantiles, side) {
    const m = mean(values), parts = values.map((v) => (v - m) / values.length), groups = [];
    parts.forEach((p, i) => { groups[families[i]] = (groups[families[i]] || 0) + p; });
    if (groups.length < 2) return Infinity;
    const t = quantiles[groups.length - 1];
    return Math.max(...[groups, parts].map((each) => { const [se, skew] = moments(each); return se * widened(t, side * skew); }));
  }

  // a row's seeds as one: the mean of each question, and each seed's own mean
  function side(seeds, which) {
    const of = seeds.map((s) => (which === "point" ? s.p || s.m : s.m)
      .map((v, i) => (which === "upper" && s.x ? v + s.x[i] : v) / MILLION));
    return { questions: of[0].map((_, i) => mean(of.map((o) => o[i]))), means: of.map(mean) };
  }

  // whether two computed answers are certainly one checkpoint's: bounds of 0 and 1 alone are no proof
  const inside = (v) => v > 0 && v < MILLION;
  const same = (a, b) => ["m", "x"].every((k) => String(a[k]) === String(b[k]))
    && a.m.some((v, i) => inside(v) || inside(v + (a.x ? a.x[i] : 0)));

  // { difference, ci: [low, high] } of a less b; each { s: seeds, d: [low, high] of their mean by draws alone, or null }
  function pairedInterval(a, b, families, quantiles) {
    const point = [side(a.s, "point"), side(b.s, "point")];
    const less = (x, y) => x.questions.map((v, i) => v - y.questions[i]);
    const middle = less(...point), difference = mean(middle);
    if (!a.d && !b.d && [...a.s, ...b.s].every((each) => same(each, b.s[0]))) return { difference: 0, ci: [0, 0] };
    const profiles = [middle], extreme = { "-1": difference, 1: difference };
    if ([...a.s, ...b.s].some((s) => s.x)) {
      const low = less(side(a.s, "lower"), side(b.s, "upper")), high = less(side(a.s, "upper"), side(b.s, "lower"));
      profiles.push(low, high);
      extreme["-1"] = mean(low); extreme[1] = mean(high);
    }
    const training = point.filter((p) => p.means.length > 1).map((p) => {
      const k = p.means.length, lone = p === point[1] && point[0].means.length === 1;
      return quantiles[k - 1][0] * sd(p.means) * (lone ? Math.sqrt(1 + 1 / k) : Math.sqrt(1 / k));
    });
    const bound = (towards) => {
      let questions = Math.max(...profiles.map((p) => questionReach(p, families, quantiles, towards)));
      const drawn = [[a, point[0], towards], [b, point[1], -towards]].filter(([r]) => r.d)
        .map(([r, p, t]) => Math.abs(r.d[(t + 1) / 2] - mean(p.means)));
      if (drawn.length) questions = Math.max(questions, Math.hypot(...drawn));
      const end = extreme[towards] + towards * Math.hypot(questions, ...training);
      return Math.max(-1, Math.min(1, end));
    };
    return { difference, ci: [bound(-1), bound(1)] };
  }

  // a single student's training noise is seen in the other's seeds, whichever of the two stands first
  function either(a, b, families, quantiles) {
    if (b.s.length > 1 || a.s.length === 1) return pairedInterval(a, b, families, quantiles);
    const { difference, ci } = pairedInterval(b, a, families, quantiles);
    return { difference: -difference, ci: [-ci[1], -ci[0]] };
  }

  function load(file) {
    if (!waiting[file]) {
      waiting[file] = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = file;
        script.onload = () => resolve(loaded[file]);
        script.onerror = () => reject(new Error(file));
        document.head.append(script);
      });
    }
    return waiting[file];
  }

  // every pair of rows that were asked the same questions, in their first common context
  function pairs(chosen, data) {
    const found = [];
    chosen.forEach((a, i) => chosen.slice(i + 1).forEach((b) => {
      const rows = [a, b].map((each) => each.file && data[each.file].rows[each.id]);
      const context = rows[0] && rows[1] && a.file === b.file && ["plain", "in_domain"].find(
        (c) => rows[0][c] && rows[1][c] && rows[0][c].a === rows[1][c].a && rows[0][c].k === rows[1][c].k);
      if (!context) { found.push({ a, b, context: null }); return; }
      const { families } = data[a.file].asked[rows[0][context].a];
      found.push({ a, b, context, ...either(rows[0][context], rows[1][context], families, data[a.file].t) });
    }));
    return found;
  }

  async function compare(chosen) {
    const files = [...new Set(chosen.map((each) => each.file).filter(Boolean))];
    const data = {};
    for (const file of files) data[file] = await load(file);
    return pairs(chosen, data);
  }

  window.traitbench = { pairedInterval, compare, data: (file, content) => { loaded[file] = content; } };
})();
