// Scribbles come as dark lines on light paper or as light ones on dark. Lines are what there is less of.

// RGBA as it is, or with its brightness turned over, so that lines are light: in its red channel, as grey.
export function lightOnDark(pixels: Uint8ClampedArray): Uint8ClampedArray {
  const grey = new Uint8ClampedArray(pixels.length);
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    // ITU-R BT.601
    const value = 0.299 * (pixels[i] ?? 0) + 0.587 * (pixels[i + 1] ?? 0) + 0.114 * (pixels[i + 2] ?? 0);
    grey[i] = value;
    sum += value;
  }
  if (sum > (127.5 * pixels.length) / 4)
    for (let i = 0; i < grey.length; i += 4) grey[i] = 255 - (grey[i] ?? 0);
  return grey;
}
