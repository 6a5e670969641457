// MIDI models with weights from a seed, bit for bit those of training/goldens/midi/seeded.py, in 16-bit floats
// (bfloat16 holds them exactly). For small shapes: a number at a time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const wrap = (value) => BigInt.asUintN(64, value);

function fnv1a(text) {
  let value = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) value = wrap((value ^ BigInt(byte)) * 0x100000001b3n);
  return value;
}

function* integers(name, count) {
  const key = fnv1a(name);
  for (let i = 1n; i <= BigInt(count); i++) {
    let z = wrap(i * 0x9e3779b97f4a7c15n + key);
    z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    z ^= z >> 31n;
    yield Number(z >> 56n) - 128;
  }
}

function power(name, shape) {
  if (name.includes('embed_tokens')) return -1;
  return -Math.ceil(Math.log2(shape.at(-1)) / 2) + 1 + (name.includes('lm_head') ? 1 : 0);
}

function tensorBytes(salt, name, shape) {
  const count = shape.reduce((product, size) => product * size, 1);
  const floats = new Float32Array(count);
  const scale = 2 ** power(name, shape) / 128;
  let at = 0;
  for (const value of integers(salt + name, count)) {
    floats[at++] = name.includes('norm') ? 1 + (value >> 3) / 64 : value * scale;
  }
  const bits = new Uint32Array(floats.buffer);
  return Buffer.from(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

// Every tensor that a model of this configuration has, with its shape.
export function midiShapes(config) {
  const shapes = [];
  for (const [prefix, key] of [
    ['net', 'net_config'],
    ['net_token', 'net_token_config'],
  ]) {
    const net = config[key];
    const { hidden_size: hidden, intermediate_size: inner } = net;
    const kv = (hidden / net.num_attention_heads) * net.num_key_value_heads;
    shapes.push([`${prefix}.embed_tokens`, [net.vocab_size, hidden]], [`${prefix}.norm`, [hidden]]);
    for (let layer = 0; layer < net.num_hidden_layers; layer++) {
      const add = (part, ...shape) => shapes.push([`${prefix}.layers.${layer}.${part}`, shape]);
      add('self_attn.q_proj', hidden, hidden);
      add('self_attn.k_proj', kv, hidden);
      add('self_attn.v_proj', kv, hidden);
      add('self_attn.o_proj', hidden, hidden);
      add('mlp.gate_proj', inner, hidden);
      add('mlp.up_proj', inner, hidden);
      add('mlp.down_proj', hidden, inner);
      add('input_layernorm', hidden);
      add('post_attention_layernorm', hidden);
    }
  }
  shapes.push(['lm_head', [config.net_config.vocab_size, config.net_config.hidden_size]]);
  return shapes.map(([name, shape]) => [`${name}.weight`, shape]);
}

// The configuration of a published model: "tv2o-medium".
export function midiConfig(name) {
  const found = /^(tv1|tv2|tv2o)-(medium|large)$/.exec(name);
  if (found === null) throw new Error(`there is no configuration ${name}; there is tv2o-medium`);
  const [, version, size] = found;
  const net = (layers, heads, inner) => ({
    vocab_size: version === 'tv1' ? 3239 : 3406,
    hidden_size: 1024,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    num_hidden_layers: layers,
    intermediate_size: inner,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    hidden_act: 'silu',
  });
  return {
    n_embd: 1024,
    net_config: net(size === 'large' ? 24 : 12, 16, 4096),
    net_token_config: net(size === 'large' ? 6 : 3, 4, 1024),
    tokenizer: { version: version === 'tv1' ? 'v1' : 'v2', optimise_midi: version === 'tv2o' },
  };
}

// Writes the model folder of a golden of native/midi/testdata. Gives the folder.
export function writeSeededMidiModel({ config, salt }, folder) {
  const header = {};
  const parts = [];
  let end = 0;
  for (const [name, shape] of midiShapes(config)) {
    const bytes = tensorBytes(salt, name, shape);
    header[name] = { dtype: 'BF16', shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([length, text, ...parts]));
  return folder;
}
