// Canny's edges of a picture, for ControlNets that were trained on them: blur, gradients, thinning, and lines that are
// followed from strong to weak. J. Canny, "A computational approach to edge detection", 1986.
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray; // RGBA
}

export interface CannyThresholds {
  readonly low: number; // gradients below are no edge
  readonly high: number; // gradients above are one for sure
}

// What preprocessors for ControlNets use.
export const USUAL_THRESHOLDS: CannyThresholds = { low: 100, high: 200 };

// Luma of ITU-R 601-2, over white where the picture is transparent.
function grey({ width, height, data }: Pixels): Float32Array {
  const out = new Float32Array(width * height);
  for (let i = 0; i < out.length; i++) {
    const alpha = (data[4 * i + 3] ?? 0) / 255;
    const luma = 0.299 * (data[4 * i] ?? 0) + 0.587 * (data[4 * i + 1] ?? 0) + 0.114 * (data[4 * i + 2] ?? 0);
    out[i] = luma * alpha + 255 * (1 - alpha);
  }
  return out;
}

const KERNEL = [0.06136, 0.24477, 0.38774, 0.24477, 0.06136]; // a Gaussian of sigma 1

function blurLines(source: Float32Array, width: number, height: number, along: 'x' | 'y'): Float32Array {
  const out = new Float32Array(source.length);
  const limit = (along === 'x' ? width : height) - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = -2; k <= 2; k++) {
        const at = Math.min(limit, Math.max(0, (along === 'x' ? x : y) + k));
        sum += (KERNEL[k + 2] ?? 0) * (source[along === 'x' ? y * width + at : at * width + x] ?? 0);
      }
      out[y * width + x] = sum;
    }
  }
  return out;
}

// One byte a pixel: 255 on an edge, 0 elsewhere. The outermost pixels are never edges.
export function canny(picture: Pixels, { low, high }: CannyThresholds = USUAL_THRESHOLDS): Uint8Array {
  const { width, height } = picture;
  const smooth = blurLines(blurLines(grey(picture), width, height, 'x'), width, height, 'y');
  const strength = new Float32Array(width * height);
  const along = new Uint8Array(width * height); // 0: the gradient runs along x, 1: down right, 2: along y, 3: up right
  const at = (x: number, y: number): number => smooth[y * width + x] ?? 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const right = at(x + 1, y - 1) + 2 * at(x + 1, y) + at(x + 1, y + 1);
      const left = at(x - 1, y - 1) + 2 * at(x - 1, y) + at(x - 1, y + 1);
      const below = at(x - 1, y + 1) + 2 * at(x, y + 1) + at(x + 1, y + 1);
      const above = at(x - 1, y - 1) + 2 * at(x, y - 1) + at(x + 1, y - 1);
      const [gx, gy] = [right - left, below - above];
      strength[y * width + x] = Math.abs(gx) + Math.abs(gy);
      const angle = ((Math.atan2(gy, gx) * 180) / Math.PI + 180) % 180;
      along[y * width + x] = Math.round(angle / 45) % 4;
    }
  }
  const steps = [1, width + 1, width, width - 1];
  const edges = new Uint8Array(width * height);
  const strong: number[] = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const value = strength[i] ?? 0;
      const step = steps[along[i] ?? 0] ?? 1;
      // Of two equal neighbours the first one stays.
      if (value < low || value <= (strength[i - step] ?? 0) || value < (strength[i + step] ?? 0)) continue;
      edges[i] = 1;
      if (value < high) continue;
      edges[i] = 255;
      strong.push(i);
    }
  }
  for (let i = strong.pop(); i !== undefined; i = strong.pop()) {
    for (const step of [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1]) {
      if (edges[i + step] !== 1) continue;
      edges[i + step] = 255;
      strong.push(i + step);
    }
  }
  return edges.map((value) => (value === 255 ? 255 : 0));
}
