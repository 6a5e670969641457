// Model files that must be refused, made on the spot: what a bad download or a bad person could hand us.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A good file whose first weights of one convolution are NaN in half precision.
function withNaN(good) {
  const length = Number(good.readBigUInt64LE(0));
  const header = JSON.parse(good.subarray(8, 8 + length).toString());
  const [begin] = header['model.diffusion_model.input_blocks.1.0.in_layers.2.weight'].data_offsets;
  const bad = Buffer.from(good);
  bad.writeUInt16LE(0x7e00, 8 + length + begin);
  return bad;
}

function safetensors(header, data, headerLength) {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerLength ?? bytes.length));
  return Buffer.concat([length, bytes, data]);
}

// One stored file in a zip, as torch.save lays out its pickle.
function zip(name, content) {
  const crc = checksum(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt32LE(crc, 14);
  local.writeUInt32LE(content.length, 18);
  local.writeUInt32LE(content.length, 22);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(20, 4);
  central.writeUInt16LE(20, 6);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(content.length, 20);
  central.writeUInt32LE(content.length, 24);
  central.writeUInt16LE(name.length, 28);
  const begin = local.length + name.length + content.length;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + name.length, 12);
  end.writeUInt32LE(begin, 16);
  return Buffer.concat([local, Buffer.from(name), content, central, Buffer.from(name), end]);
}

function checksum(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// A pickle that calls os.system(command) when it is loaded by one who executes it.
function pickleWithCode(command) {
  const text = Buffer.from(command);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([
    Buffer.from('\x80\x02cposix\nsystem\nX', 'latin1'),
    length,
    text,
    Buffer.from('\x85R.', 'latin1'),
  ]);
}

// Writes them into `folder`; gives [what it is, path] pairs. `proof` would be made by the pickle's code.
export function writeBadModels(folder, goodFile, proof) {
  const write = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const noise = Buffer.from(Array.from({ length: 65536 }, (_, i) => (i * 2654435761) >>> 24));
  const f32 = (shape, begin, end) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });
  return [
    ['an empty file', write('empty.safetensors', Buffer.alloc(0))],
    ['a truncated file', write('truncated.safetensors', goodFile.subarray(0, goodFile.length / 2))],
    ['NaN weights', write('nan.safetensors', withNaN(goodFile))],
    ['random bytes', write('random.safetensors', noise)],
    ['random bytes as .ckpt', write('random.ckpt', noise)],
    [
      'another architecture',
      write('other.safetensors', safetensors({ w: f32([2, 2], 0, 16) }, Buffer.alloc(16))),
    ],
    ['a header past the end', write('header.safetensors', safetensors('{}', Buffer.alloc(8), 1n << 62n))],
    [
      'overlapping tensors',
      write('overlap.safetensors', safetensors({ a: f32([4], 0, 16), b: f32([4], 8, 24) }, Buffer.alloc(24))),
    ],
    [
      'a tensor past the end',
      write('past.safetensors', safetensors({ a: f32([64], 0, 256) }, Buffer.alloc(16))),
    ],
    [
      'a shape whose product overflows',
      write('shape.safetensors', safetensors({ a: f32([4294967296, 4294967296], 0, 0) }, Buffer.alloc(0))),
    ],
    ['a pickle with code', write('code.ckpt', zip('archive/data.pkl', pickleWithCode(`touch '${proof}'`)))],
    ['an old pickle with code', write('old.ckpt', pickleWithCode(`touch '${proof}'`))],
  ];
}
