import { FRAGMENT, VERTEX } from "./aura-shader";

/** A quarter of the size: the aura has no edges, so nothing visible is lost. */
const SCALE = 0.25;
const FRAME_MS = 1000 / 30;
const MEASURED_FRAMES = 20;
const MIN_FPS = 24;

export type AuraRenderer = { setLight: (light: boolean) => void; setMoving: (moving: boolean) => void; stop: () => void };

function createProgram(gl: WebGLRenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(type);
    if (!shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}

/** Draws the aura until it is stopped. `onFailure`: WebGL is missing, lost or too slow, and CSS has to do. */
export function startAura(canvas: HTMLCanvasElement, moving: boolean, light: boolean, onFailure: () => void): AuraRenderer | null {
  const gl = canvas.getContext("webgl", {
    antialias: false,
    alpha: false,
    depth: false,
    powerPreference: "low-power",
    // A renderer in software takes the time that the page needs to answer clicks.
    failIfMajorPerformanceCaveat: true,
  });
  const program = gl && createProgram(gl);
  if (!gl || !program) return null;
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  const position = gl.getAttribLocation(program, "p");
  gl.enableVertexAttribArray(position);
  gl.vertexAttribPointer(position, 2, gl.FLOAT, false, 0, 0);
  const uniform = (name: string) => gl.getUniformLocation(program, name);
  const at = { size: uniform("size"), time: uniform("time"), light: uniform("light"), pointer: uniform("pointer") };

  let frame = 0;
  let last = 0;
  let time = 40;
  let visible = true;
  let measured = 0;
  let measuredSince = 0;
  const pointer = { x: 0, y: 0, shownX: 0, shownY: 0 };

  const draw = () => {
    pointer.shownX += (pointer.x - pointer.shownX) * 0.04;
    pointer.shownY += (pointer.y - pointer.shownY) * 0.04;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform2f(at.size, canvas.width, canvas.height);
    gl.uniform1f(at.time, time);
    gl.uniform1f(at.light, light ? 1 : 0);
    gl.uniform2f(at.pointer, pointer.shownX, pointer.shownY);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  };
  const isSlow = (now: number) => {
    measured += 1;
    if (measured === 1) measuredSince = now;
    return measured === MEASURED_FRAMES && ((MEASURED_FRAMES - 1) * 1000) / (now - measuredSince) < MIN_FPS;
  };
  const tick = (now: number) => {
    frame = requestAnimationFrame(tick);
    // A little early is on time: displays have 60 or 120 frames a second.
    if (now - last < FRAME_MS - 4) return;
    time += Math.min(0.1, (now - last) / 1000);
    last = now;
    draw();
    if (isSlow(now)) fail();
  };
  const update = () => {
    cancelAnimationFrame(frame);
    last = performance.now();
    if (moving && visible && !document.hidden) frame = requestAnimationFrame(tick);
    else draw();
  };
  const resize = new ResizeObserver(() => {
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * SCALE));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * SCALE));
    draw();
  });
  const view = new IntersectionObserver(([entry]) => {
    visible = entry?.isIntersecting ?? true;
    update();
  });
  const onPointer = (event: PointerEvent) => {
    pointer.x = (event.clientX / innerWidth) * 2 - 1;
    pointer.y = 1 - (event.clientY / innerHeight) * 2;
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    resize.disconnect();
    view.disconnect();
    removeEventListener("pointermove", onPointer);
    document.removeEventListener("visibilitychange", update);
    canvas.removeEventListener("webglcontextlost", fail);
  };
  function fail() {
    stop();
    onFailure();
  }
  resize.observe(canvas);
  view.observe(canvas);
  addEventListener("pointermove", onPointer, { passive: true });
  document.addEventListener("visibilitychange", update);
  canvas.addEventListener("webglcontextlost", fail);
  return {
    setLight: (value) => {
      light = value;
      draw();
    },
    setMoving: (value) => {
      moving = value;
      update();
    },
    stop,
  };
}
