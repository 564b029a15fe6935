// Draws each brain of the page on its canvas: turned by mouse, touch, keys and buttons; no library, nothing loaded.
"use strict";
(() => {
  const VIEWS = { left: [-90, 0], right: [90, 0], front: [180, 0], back: [0, 0], top: [0, 90] };
  const STEP = 10; // degrees a key press
  const SPEED = 0.5; // degrees a pixel of dragging
  const ZOOMS = [0.5, 6];
  const REGION = 45; // mm: the longest half-axis of regions that are always drawn
  const NUMBERED = 15; // sources that carry a number, as in the figures
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const wrapped = (angle) => ((((angle + 180) % 360) + 360) % 360) - 180;
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

  // Right, up and towards the viewer, seen from behind at yaw 0 and pitch 0; x right, y front, z up.
  function axes(yaw, pitch) {
    const [s, c] = [Math.sin((yaw * Math.PI) / 180), Math.cos((yaw * Math.PI) / 180)];
    const [t, d] = [Math.sin((pitch * Math.PI) / 180), Math.cos((pitch * Math.PI) / 180)];
    return { right: [c, s, 0], up: [-s * t, c * t, d], near: [s * d, -c * d, t] };
  }

  // Corners in mm about the middle, triangles, and a normal a corner: smooth shading of a coarse surface.
  class Surface {
    constructor({ points, triangles }, sources) {
      const all = points.length ? points : sources.flatMap((source) => source.at.map((value) => value / 10));
      const bounds = [0, 1, 2].map((k) => {
        let [low, high] = [Infinity, -Infinity];
        for (let i = k; i < all.length; i += 3) [low, high] = [Math.min(low, all[i]), Math.max(high, all[i])];
        return [low, high];
      });
      this.middle = bounds.map(([low, high]) => (low + high) / 2);
      this.points = Float32Array.from(points, (value, i) => value - this.middle[i % 3]);
      this.radius = 40;
      for (let i = 0; i < this.points.length; i += 3) {
        this.radius = Math.max(this.radius, Math.hypot(...this.points.subarray(i, i + 3)));
      }
      this.triangles = Uint32Array.from(triangles);
      this.normals = this.cornerNormals();
      this.count = this.triangles.length / 3;
      this.order = new Uint32Array(this.count);
    }

    cornerNormals() {
      const [p, t, n] = [this.points, this.triangles, new Float32Array(this.points.length)];
      for (let i = 0; i < t.length; i += 3) {
        const [a, b, c] = [3 * t[i], 3 * t[i + 1], 3 * t[i + 2]];
        const u = [0, 1, 2].map((k) => p[b + k] - p[a + k]);
        const v = [0, 1, 2].map((k) => p[c + k] - p[a + k]);
        const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) n[corner + k] += cross[k];
      }
      return this.smoothed(this.smoothed(n));
    }

    // Each normal the mean of its neighbours and itself: folds coarser than the triangles look like folds.
    smoothed(normals) {
      const [t, sums] = [this.triangles, normals.slice()];
      for (let i = 0; i < t.length; i += 3) {
        for (let k = 0; k < 3; k++) {
          const sum = normals[3 * t[i] + k] + normals[3 * t[i + 1] + k] + normals[3 * t[i + 2] + k];
          for (let j = 0; j < 3; j++) sums[3 * t[i + j] + k] += sum / 3;
        }
      }
      for (let i = 0; i < sums.length; i += 3) {
        const length = Math.hypot(sums[i], sums[i + 1], sums[i + 2]) || 1;
        for (let k = 0; k < 3; k++) sums[i + k] /= length;
      }
      return sums;
    }

    // Places in mm along right, up and near, three numbers a corner.
    seen({ right, up, near }) {
      const [p, seen] = [this.points, new Float32Array(this.points.length)];
      for (let i = 0; i < p.length; i += 3) {
        seen[i] = p[i] * right[0] + p[i + 1] * right[1] + p[i + 2] * right[2];
        seen[i + 1] = p[i] * up[0] + p[i + 1] * up[1] + p[i + 2] * up[2];
        seen[i + 2] = p[i] * near[0] + p[i + 1] * near[1] + p[i + 2] * near[2];
      }
      return seen;
    }

    // Triangles from far to near: sorted into 1024 slices of depth.
    sorted(seen) {
      const [t, bins, starts] = [this.triangles, new Uint16Array(this.count), new Uint32Array(1025)];
      const factor = 1023 / (2 * this.radius);
      for (let i = 0; i < this.count; i++) {
        const depth = (seen[3 * t[3 * i] + 2] + seen[3 * t[3 * i + 1] + 2] + seen[3 * t[3 * i + 2] + 2]) / 3;
        bins[i] = clamp((depth + this.radius) * factor, 0, 1023);
        starts[bins[i] + 1]++;
      }
      for (let bin = 0; bin < 1024; bin++) starts[bin + 1] += starts[bin];
      for (let i = 0; i < this.count; i++) this.order[starts[bins[i]]++] = i;
      return this.order;
    }

    // Whether a triangle lies between the viewer and a place.
    hides(seen, [x, y, depth]) {
      const t = this.triangles;
      const side = (a, b) => (seen[b] - seen[a]) * (y - seen[a + 1]) - (seen[b + 1] - seen[a + 1]) * (x - seen[a]);
      for (let i = 0; i < t.length; i += 3) {
        const [a, b, c] = [3 * t[i], 3 * t[i + 1], 3 * t[i + 2]];
        if ((seen[a + 2] + seen[b + 2] + seen[c + 2]) / 3 < depth + 1) continue;
        const [s, u, v] = [side(a, b), side(b, c), side(c, a)];
        if ((s >= 0 && u >= 0 && v >= 0) || (s <= 0 && u <= 0 && v <= 0)) return true;
      }
      return false;
    }
  }

  class Brain {
    constructor(box) {
      this.box = box;
      this.canvas = box.querySelector("canvas");
      this.status = box.querySelector(".brain-status");
      this.context = this.canvas.getContext("2d");
      this.sources = json(box.dataset.sources);
      this.surface = new Surface(json(box.dataset.surface), this.sources);
      const isRight = this.sources.length > 0 && this.sources[0].at[0] > 0;
      this.home = { yaw: isRight ? 115 : -115, pitch: 20, zoom: 1 };
      Object.assign(this, this.home);
      this.selected = null;
      box.hidden = false;
      this.listen();
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      this.draw();
    }

    // MARK: Input

    listen() {
      this.canvas.addEventListener("keydown", (event) => this.key(event));
      this.canvas.addEventListener("pointerdown", (event) => this.drag(event));
      for (const button of this.box.querySelectorAll("[data-view]")) {
        button.addEventListener("click", () => this.show(button.dataset.view));
      }
      this.rows = [...document.querySelectorAll(`[data-brain="${this.box.id}"] [data-source]`)];
      for (const row of this.rows) {
        row.addEventListener("click", () => this.select(Number(row.dataset.source)));
      }
    }

    key(event) {
      const turns = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
      const zooms = { "+": 1.2, "=": 1.2, "-": 1 / 1.2, _: 1 / 1.2 };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in turns) this.turn(...turns[event.key]);
      else if (event.key in zooms) this.zoom = clamp(this.zoom * zooms[event.key], ...ZOOMS);
      else if (event.key === "Home") this.move(this.home);
      else return;
      event.preventDefault();
      this.draw();
    }

    drag(start) {
      if (start.button > 0) return;
      let [x, y, length] = [start.clientX, start.clientY, 0];
      const move = (event) => {
        length += Math.hypot(event.clientX - x, event.clientY - y);
        this.turn((x - event.clientX) * SPEED, (event.clientY - y) * SPEED);
        this.later();
        [x, y] = [event.clientX, event.clientY];
      };
      const end = (event) => {
        this.canvas.removeEventListener("pointermove", move);
        if (event.type === "pointerup" && length < 4) this.pick(event);
      };
      this.canvas.setPointerCapture(start.pointerId);
      this.canvas.addEventListener("pointermove", move);
      this.canvas.addEventListener("pointerup", end, { once: true });
      this.canvas.addEventListener("pointercancel", end, { once: true });
    }

    // Selects the source under the pointer.
    pick(event) {
      const frame = this.canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
      const hit = (this.balls || []).filter((ball) => Math.hypot(ball.x - x, ball.y - y) < ball.radius + 3).pop();
      if (hit) this.select(hit.source.rank);
    }

    turn(yaw, pitch) {
      this.target = null;
      this.yaw = wrapped(this.yaw + yaw);
      this.pitch = clamp(this.pitch + pitch, -90, 90);
    }

    show(name) {
      const [yaw, pitch] = VIEWS[name];
      this.status.textContent = `Seen from ${name === "top" ? "above" : name === "back" ? "behind" : `the ${name}`}.`;
      this.move({ yaw, pitch, zoom: this.zoom });
    }

    // Turns to a view, in a third of a second unless motion is unwanted.
    move(target) {
      if (still.matches) {
        Object.assign(this, target);
        return this.draw();
      }
      const from = { yaw: this.yaw, pitch: this.pitch, zoom: this.zoom };
      const way = wrapped(target.yaw - from.yaw);
      this.target = target;
      let start = null;
      const step = (now) => {
        if (this.target !== target) return;
        start = start ?? now;
        const time = Math.min((now - start) / 330, 1);
        const part = time * time * (3 - 2 * time);
        this.yaw = wrapped(from.yaw + part * way);
        this.pitch = from.pitch + part * (target.pitch - from.pitch);
        this.zoom = from.zoom + part * (target.zoom - from.zoom);
        this.draw();
        if (time < 1) requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    }

    select(rank) {
      this.selected = this.selected === rank ? null : rank;
      for (const row of this.rows) {
        const isChosen = Number(row.dataset.source) === this.selected;
        row.classList.toggle("selected", isChosen);
        row.querySelector("button")?.setAttribute("aria-pressed", String(isChosen));
      }
      const source = this.sources.find((other) => other.rank === this.selected);
      this.status.textContent = source ? `Source ${source.rank}: ${source.name}.` : "";
      this.draw();
    }

    // MARK: Drawing

    // Draws once a frame, however often the pointer moves.
    later() {
      if (this.isDue) return;
      this.isDue = true;
      requestAnimationFrame(() => {
        this.isDue = false;
        this.draw();
      });
    }

    draw() {
      const { canvas, context } = this;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      if (!width || !height) return;
      const density = window.devicePixelRatio || 1;
      const [columns, rows] = [Math.round(width * density), Math.round(height * density)];
      if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, height);
      const view = axes(this.yaw, this.pitch);
      const scale = (this.zoom * 0.5 * Math.min(width, height) * 0.98) / this.surface.radius;
      const place = { x: width / 2, y: height / 2, scale };
      const seen = this.surface.seen(view);
      if (this.surface.count) this.drawSurface(seen, view, place);
      else this.drawPoints(seen, place);
      this.drawBalls(seen, view, place);
      this.drawCompass(view, height);
      canvas.dataset.angle = `${Math.round(this.yaw)} ${Math.round(this.pitch)}`;
      canvas.dataset.state = "drawn";
    }

    drawSurface(seen, view, { x, y, scale }) {
      const { context, surface } = this;
      const [t, n] = [surface.triangles, surface.normals];
      // From above and left of the viewer.
      const light = [0, 1, 2].map((k) => -0.35 * view.right[k] + 0.5 * view.up[k] + 0.79 * view.near[k]);
      context.lineWidth = 0.7;
      context.lineJoin = "round";
      for (const i of surface.sorted(seen)) {
        const corners = [3 * t[3 * i], 3 * t[3 * i + 1], 3 * t[3 * i + 2]];
        const normal = [0, 1, 2].map((k) => n[corners[0] + k] + n[corners[1] + k] + n[corners[2] + k]);
        const length = Math.hypot(...normal) || 1;
        const lit = Math.max(0, (dot(normal, light) / length) * (dot(normal, view.near) < 0 ? -1 : 1));
        const shade = 118 + 112 * lit + 18 * lit ** 8;
        const colour = `rgb(${shade | 0},${(shade * 0.975) | 0},${(shade * 0.945) | 0})`;
        context.beginPath();
        for (const corner of corners) context.lineTo(x + scale * seen[corner], y - scale * seen[corner + 1]);
        context.closePath();
        context.fillStyle = colour;
        context.strokeStyle = colour;
        context.fill();
        context.stroke();
      }
    }

    // Where nobody knows the surface: its points, the near ones darker.
    drawPoints(seen, { x, y, scale }) {
      const size = Math.max(1.5, 0.9 * scale);
      const order = [...Array(seen.length / 3).keys()].sort((a, b) => seen[3 * a + 2] - seen[3 * b + 2]);
      for (const i of order) {
        const shade = 226 - 66 * clamp(seen[3 * i + 2] / this.surface.radius + 0.5, 0, 1);
        this.context.fillStyle = `rgb(${shade | 0},${shade | 0},${shade | 0})`;
        this.context.beginPath();
        this.context.arc(x + scale * seen[3 * i], y - scale * seen[3 * i + 1], size, 0, 7);
        this.context.fill();
      }
    }

    drawBalls(seen, view, { x, y, scale }) {
      this.balls = this.sources.map((source) => {
        const at = source.at.map((value, k) => value / 10 - this.surface.middle[k]);
        const spot = [dot(at, view.right), dot(at, view.up), dot(at, view.near)];
        return {
          source, depth: spot[2], x: x + scale * spot[0], y: y - scale * spot[1],
          radius: (source.rank > NUMBERED ? 3 : 8) + 5 * source.size, isHidden: this.surface.hides(seen, spot),
        };
      });
      // The nearest last, and whatever the surface hides before what it does not.
      this.balls.sort((a, b) => b.isHidden - a.isHidden || a.depth - b.depth);
      for (const ball of this.balls) this.drawRegion(ball, view, { x, y, scale });
      for (const ball of this.balls) this.drawBall(ball);
    }

    // The shadow of the ellipsoid that holds the source; one that would cover the brain only for the source selected.
    drawRegion({ source }, view, { x, y, scale }) {
      if (!source.axes || (Math.hypot(...source.axes[0]) > 10 * REGION && source.rank !== this.selected)) return;
      const { context } = this;
      const centre = source.centre.map((value, k) => value / 10 - this.surface.middle[k]);
      let [xx, xy, yy] = [0, 0, 0];
      for (const axis of source.axes) {
        const [u, v] = [(scale * dot(axis, view.right)) / 10, (-scale * dot(axis, view.up)) / 10];
        [xx, xy, yy] = [xx + u * u, xy + u * v, yy + v * v];
      }
      const [mean, difference] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
      const [long, short] = [Math.sqrt(mean + difference), Math.sqrt(Math.max(0, mean - difference))];
      const spot = [x + scale * dot(centre, view.right), y - scale * dot(centre, view.up)];
      context.beginPath();
      context.ellipse(...spot, long, short, Math.atan2(2 * xy, xx - yy) / 2, 0, 2 * Math.PI);
      context.fillStyle = context.strokeStyle = source.colour;
      context.lineWidth = source.rank === this.selected ? 2 : 1;
      context.globalAlpha = source.rank === this.selected ? 0.3 : 0.13;
      context.fill();
      context.globalAlpha = 0.7;
      context.stroke();
      context.globalAlpha = 1;
    }

    // A ball; flat and pale with a dashed rim where the surface hides it.
    drawBall({ source, x, y, radius, isHidden }) {
      const { context } = this;
      const isSelected = source.rank === this.selected;
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fillStyle = source.colour;
      context.globalAlpha = isHidden && !isSelected ? 0.72 : 1;
      context.fill();
      if (!isHidden) {
        const gloss = context.createRadialGradient(x - radius / 3, y - radius / 3, 0, x, y, radius);
        gloss.addColorStop(0, "rgba(255,255,255,.45)");
        gloss.addColorStop(0.6, "rgba(255,255,255,0)");
        gloss.addColorStop(1, "rgba(0,0,0,.25)");
        context.fillStyle = gloss;
        context.fill();
      }
      context.globalAlpha = 1;
      context.setLineDash(isHidden ? [3, 2.5] : []);
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5;
      context.stroke();
      context.setLineDash([]);
      if (isSelected) {
        context.beginPath();
        context.arc(x, y, radius + 4, 0, 7);
        context.strokeStyle = "#111";
        context.lineWidth = 2.5;
        context.stroke();
      }
      if (source.rank <= NUMBERED) {
        context.fillStyle = source.ink;
        context.font = "bold 12px Helvetica, Arial, 'DejaVu Sans', sans-serif";
        [context.textAlign, context.textBaseline] = ["center", "middle"];
        context.fillText(String(source.rank), x, y + 0.5);
      }
    }

    // Arrows to the right, the front and above.
    drawCompass(view, height) {
      const { context } = this;
      const [x, y, length] = [40, height - 40, 22];
      context.font = "bold 12px Helvetica, Arial, 'DejaVu Sans', sans-serif";
      [context.textAlign, context.textBaseline] = ["center", "middle"];
      [context.strokeStyle, context.fillStyle, context.lineWidth] = ["#5a5a5a", "#5a5a5a", 1.5];
      ["R", "A", "S"].forEach((letter, k) => {
        const [u, v] = [view.right[k], -view.up[k]];
        // An arrow that points at the viewer has no length, and its letter no place.
        if (Math.hypot(u, v) < 0.2) return;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x + length * u, y + length * v);
        context.stroke();
        context.fillText(letter, x + (length + 9) * u, y + (length + 9) * v);
      });
    }
  }

  // The same brain by NiiVue, where the page holds that library; its balls are coloured by the field they explain.
  async function drawByNiiVue(canvas) {
    const [{ points, triangles }, sources] = [json(canvas.dataset.surface), json(canvas.dataset.sources)];
    const viewer = new niivue.Niivue({ show3Dcrosshair: false, backColor: [1, 1, 1, 1] });
    await viewer.attachToCanvas(canvas);
    const along = (k) => sources.map((source) => source.at[k] / 10);
    // It replaces what is there, so the surface comes after.
    if (sources.length) {
      viewer.loadConnectome({
        name: "sources", nodeColormap: "warm", nodeMinColor: 0, nodeMaxColor: 1, nodeScale: 4, edgeScale: 0,
        nodes: {
          names: sources.map((source) => String(source.rank)), X: along(0), Y: along(1), Z: along(2),
          Color: sources.map((source) => source.size), Size: sources.map((source) => 0.6 + 0.6 * source.size),
        },
        edges: Array(sources.length ** 2).fill(0),
      });
    }
    if (triangles.length) {
      const colour = new Uint8Array([214, 208, 200, 255]);
      const [places, corners] = [Float32Array.from(points), Uint32Array.from(triangles)];
      viewer.addMesh(new niivue.NVMesh(places, corners, "brain", colour, 0.4, true, viewer.gl));
    }
    viewer.setRenderAzimuthElevation(235, 15);
    canvas.dataset.state = "drawn";
  }

  for (const box of document.querySelectorAll(".brain")) new Brain(box);
  addEventListener("load", () => {
    if (typeof niivue !== "undefined") for (const canvas of document.querySelectorAll(".niivue canvas")) drawByNiiVue(canvas);
  });
})();
