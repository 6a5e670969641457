//! A model folder to weights: which tensors there have to be, their shapes, and what they are kept as.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use half::{bf16, f16};

use crate::error::{Error, Result};
use crate::kernels::{self, Plain};
use crate::pool::{Pool, default_threads};

use super::arena::Arena;
use super::config::{Config, NetConfig};
use super::llama::{Layer, Net, Runner};
use super::lora::Lora;
use super::matrix::{Data, Elements, Keeper, Matrix, Use, Weights};
use super::tensors::{Entry, Kind, TensorFile};
use super::torch;

/// A model's weights; shared between sessions and threads.
pub struct Model {
    /// Its configuration.
    pub config: Config,
    /// Over events.
    pub net: Net,
    /// Over an event's tokens.
    pub net_token: Net,
    /// From the token net to tokens.
    pub lm_head: Matrix,
    /// What the weights are kept as.
    pub weights: Weights,
}

/// Where a model's parts lie.
pub struct Source {
    /// The configuration: a file, or the name of a published one.
    pub config: ConfigSource,
    /// A `.safetensors` or `.ckpt` file.
    pub weights: PathBuf,
}

/// A configuration file, or the name of a published configuration.
#[allow(missing_docs)]
pub enum ConfigSource {
    File(PathBuf),
    Named(Config),
}

/// Finds a model's files: a folder, or one of its weight files with `config.json` beside it. `named` takes a published
/// configuration's name for files without one.
pub fn find(path: &Path, named: Option<&str>) -> Result<Source> {
    let show = path.display();
    let (folder, weights) = if path.is_dir() {
        let mut files = list(path)?;
        files.sort_by_key(|file| (file.extension().is_none_or(|e| e != "safetensors"), file.clone()));
        let preferred = path.join("model.safetensors");
        let first = if preferred.is_file() { Some(preferred) } else { files.into_iter().next() };
        let message =
            format!("{show}: expected model.safetensors or a .ckpt file in the folder, found neither");
        (path.to_path_buf(), first.ok_or_else(|| Error::input("bad-model", message))?)
    } else if path.is_file() {
        (path.parent().unwrap_or(Path::new(".")).to_path_buf(), path.to_path_buf())
    } else {
        let message = format!("{show}: no such model");
        return Err(Error::input("cannot-read", message).hint("A MIDI model is a folder with config.json."));
    };
    let config = match named {
        Some(name) => ConfigSource::Named(Config::named(name).ok_or_else(|| {
            let known = "tv1-medium, tv2-medium, tv2o-medium, tv2-large, tv2o-large";
            Error::usage("unknown-config", format!("no configuration {name}; there are {known}"))
        })?),
        None => ConfigSource::File(folder.join("config.json")),
    };
    Ok(Source { config, weights })
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = |cause| Error::input("cannot-read", format!("{}: {cause}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(cannot)?;
    let paths = entries.filter_map(|entry| entry.ok().map(|e| e.path()));
    Ok(paths
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let known =
                [".safetensors", ".ckpt", ".bin", ".pt", ".pth"].iter().any(|end| name.ends_with(end));
            known && !name.starts_with("adapter_")
        })
        .collect())
}

impl Model {
    /// Loads a model (see `find`). `lora`: a folder of a PEFT adapter that is merged in.
    pub fn load(path: &Path, weights: Weights, named: Option<&str>, lora: Option<&Path>) -> Result<Model> {
        let source = find(path, named)?;
        let config = match source.config {
            ConfigSource::Named(config) => config,
            ConfigSource::File(file) => {
                let cannot = |cause| {
                    Error::input("cannot-read", format!("{}: {cause}", file.display()))
                        .hint("A MIDI model's weights need their config.json beside them.")
                };
                let text = std::fs::read_to_string(&file).map_err(cannot)?;
                Config::parse(&text, &file.display().to_string())?
            }
        };
        let is_safetensors = source.weights.extension().is_some_and(|e| e == "safetensors");
        let file = if is_safetensors {
            TensorFile::safetensors(&source.weights)?
        } else {
            torch::open(&source.weights)?
        };
        let lora = lora.map(Lora::load).transpose()?;
        Model::from_file(config, &file, weights, lora)
    }

    fn from_file(config: Config, file: &TensorFile, weights: Weights, lora: Option<Lora>) -> Result<Model> {
        let pool = Pool::new(default_threads());
        let runner = Runner { kernels: kernels::fastest(), pool };
        let mut loader = Loader { file, weights, lora, arena: Arena::default(), runner };
        let net = loader.net("net", &config.net)?;
        let net_token = loader.net("net_token", &config.net_token)?;
        let shape = [config.net.vocab_size, config.net.hidden_size];
        let lm_head = loader.matrix("lm_head.weight", shape, Use::Multiply)?;
        if let Some(lora) = &loader.lora {
            lora.all_used()?;
        }
        Ok(Model { config, net, net_token, lm_head, weights })
    }

    /// Bytes of weights that one note event reads: the event net once, the token net and the head eight times.
    pub fn bytes_per_note(&self) -> usize {
        let embeddings = self.net.embed.bytes() + self.net_token.embed.bytes();
        let token = self.net_token.matrix_bytes() + self.lm_head.bytes();
        self.bytes() - embeddings - token + 8 * token
    }

    /// Bytes of all matrices.
    pub fn bytes(&self) -> usize {
        let net = |net: &Net| net.embed.bytes() + net.matrix_bytes();
        net(&self.net) + net(&self.net_token) + self.lm_head.bytes()
    }
}

/// Without branches, so that it becomes vectors.
fn all_finite(values: &[f32]) -> bool {
    values.iter().fold(true, |ok, v| ok & (v.to_bits() & 0x7f80_0000 != 0x7f80_0000))
}

struct Loader<'a> {
    file: &'a TensorFile,
    weights: Weights,
    lora: Option<Lora>,
    arena: Arena,
    runner: Runner,
}

impl Loader<'_> {
    fn net(&mut self, prefix: &str, config: &NetConfig) -> Result<Net> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let (wide, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let embed =
            self.matrix(&format!("{prefix}.embed_tokens.weight"), [config.vocab_size, hidden], Use::LookUp)?;
        let mut layers = Vec::new();
        for i in 0..config.layers {
            let name = |part: &str| format!("{prefix}.layers.{i}.{part}.weight");
            let mut multiply = |part, shape| self.matrix(&name(part), shape, Use::Multiply);
            layers.push(Layer {
                q: multiply("self_attn.q_proj", [wide, hidden])?,
                k: multiply("self_attn.k_proj", [kv, hidden])?,
                v: multiply("self_attn.v_proj", [kv, hidden])?,
                o: multiply("self_attn.o_proj", [hidden, wide])?,
                gate: multiply("mlp.gate_proj", [inner, hidden])?,
                up: multiply("mlp.up_proj", [inner, hidden])?,
                down: multiply("mlp.down_proj", [hidden, inner])?,
                attention_norm: self.vector(&name("input_layernorm"), hidden)?,
                mlp_norm: self.vector(&name("post_attention_layernorm"), hidden)?,
            });
        }
        let norm = self.vector(&format!("{prefix}.norm.weight"), hidden)?;
        Ok(Net { config: config.clone(), embed, layers, norm, frequencies: config.frequencies() })
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        let entry = self.file.get(name, &[length])?;
        if entry.kind == Kind::I8 {
            let message = format!("{}: {name} should be of floats, found 8-bit integers", self.file.name);
            return Err(Error::input("bad-model", message));
        }
        let mut out = vec![0.0; length];
        self.file.row(entry, 0, &mut out);
        self.check_finite(name, &out)?;
        Ok(out)
    }

    fn not_finite(&self, name: &str) -> Error {
        let message = format!("{}: {name} should hold finite numbers, found NaN or infinity", self.file.name);
        Error::input("not-finite", message).hint("The file is damaged, or its training had failed.")
    }

    fn check_finite(&self, name: &str, values: &[f32]) -> Result<()> {
        if all_finite(values) { Ok(()) } else { Err(self.not_finite(name)) }
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2], role: Use) -> Result<Matrix> {
        let [rows, columns] = shape;
        let entry = self.file.get(name, &shape)?;
        let scales = if entry.kind == Kind::I8 { Some(self.scales(name, entry, rows)?) } else { None };
        let delta = match &mut self.lora {
            Some(lora) => lora.delta(name, rows, columns)?,
            None => None,
        };
        if delta.is_none()
            && let Some(data) = self.mapped(name, entry, columns, role, scales.as_deref())?
        {
            return Ok(Matrix { rows, columns, stride: columns, data });
        }
        let file = self.file;
        if let (Weights::Q8, Some(scales), None) = (self.weights, &scales, &delta) {
            let pool = &mut self.runner.pool;
            let matrix = Matrix::build_q8(role, shape, &mut self.arena, pool, |row, out| {
                file.integers(entry, row, out);
                scales[row]
            })?;
            file.release(entry);
            return Ok(matrix);
        }
        let finite = AtomicBool::new(true);
        let fill = |row: usize, out: &mut [f32]| {
            file.row(entry, row, out);
            if let Some(scales) = &scales {
                out.iter_mut().for_each(|v| *v *= scales[row]);
            }
            if let Some(delta) = &delta {
                out.iter_mut().zip(&delta[row * columns..]).for_each(|(v, d)| *v += d);
            }
            if !all_finite(out) {
                finite.store(false, Ordering::Relaxed);
            }
        };
        let matrix = Matrix::build(self.weights, role, shape, &mut self.arena, &mut self.runner, fill)?;
        self.file.release(entry);
        if finite.into_inner() { Ok(matrix) } else { Err(self.not_finite(name)) }
    }

    /// The scales of an 8-bit matrix's rows; checks its numbers as well.
    fn scales(&self, name: &str, entry: &Entry, rows: usize) -> Result<Vec<f32>> {
        let scale = format!("{name}.scale");
        let scales = self.vector(&scale, rows)?;
        let n = entry.shape.iter().product::<usize>();
        // Kernels move signs between factors; -128 has no opposite.
        if self.file.map[entry.offset..entry.offset + n].contains(&0x80) {
            let message = format!("{}: {name} should be in -127…127, found -128", self.file.name);
            return Err(Error::input("bad-model", message));
        }
        Ok(scales)
    }

    /// The numbers as they lie in the file, where they can be used so.
    fn mapped(
        &self,
        name: &str,
        entry: &Entry,
        columns: usize,
        role: Use,
        scales: Option<&[f32]>,
    ) -> Result<Option<Data>> {
        let fits = self.weights.stride(columns) == columns;
        let aligned = (self.file.map.as_ptr() as usize + entry.offset).is_multiple_of(entry.kind.size());
        if !fits || !aligned || cfg!(target_endian = "big") {
            return Ok(None);
        }
        let n = entry.shape.iter().product::<usize>();
        let data = match (self.weights, entry.kind) {
            (Weights::F32, Kind::F32) => Data::F32(self.elements(entry, n)),
            (Weights::F16, Kind::F16) => Data::F16(self.elements::<f16>(entry, n)),
            (Weights::F16, Kind::Bf16) => Data::Bf16(self.elements::<bf16>(entry, n)),
            (Weights::Q8, Kind::I8) if role == Use::LookUp => {
                Data::I8(self.elements(entry, n), scales.unwrap_or_default().to_vec())
            }
            _ => return Ok(None),
        };
        let finite = match &data {
            Data::F32(d) => all_finite(d),
            Data::F16(d) => d.iter().fold(true, |ok, v| ok & (v.to_bits() & 0x7c00 != 0x7c00)),
            Data::Bf16(d) => d.iter().fold(true, |ok, v| ok & (v.to_bits() & 0x7f80 != 0x7f80)),
            Data::I8(..) | Data::Panels(..) => true,
        };
        if finite { Ok(Some(data)) } else { Err(self.not_finite(name)) }
    }

    fn elements<T: Plain + Sync>(&self, entry: &Entry, n: usize) -> Elements<T> {
        let bytes = &self.file.map[entry.offset..entry.offset + n * size_of::<T>()];
        let keeper = Keeper::File(Arc::clone(&self.file.map));
        // SAFETY: the file has so many bytes, at an address that fits; it is mapped for reading alone.
        unsafe { Elements::new(bytes.as_ptr().cast(), n, keeper) }
    }
}
