//! Models.

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{Model, Weights};
use crate::tokenizer::Version;

use super::support::{SkytntMidiError, described, guard, present, text};

/// A model's weights; may be used by sessions of several threads at once.
pub struct SkytntMidiModel(pub(super) Arc<Model>);

/// Which model, and how its weights are kept. Zero every field that is not set, and set `size`.
#[repr(C)]
pub struct SkytntMidiModelDesc {
    /// `sizeof(SkytntMidiModelDesc)`.
    pub size: usize,
    /// A folder with config.json and model.safetensors (or a .ckpt), or one of these weight files.
    pub path: *const c_char,
    /// "f32", "f16" or "q8"; null: q8, the fastest.
    pub weights: *const c_char,
    /// Name of a published configuration ("tv2o-medium") for weights without config.json; null otherwise.
    pub config: *const c_char,
    /// Folder of a PEFT LoRA that is merged in, or null.
    pub lora: *const c_char,
}

/// What a model is.
#[repr(C)]
pub struct SkytntMidiModelInfo {
    /// 1 or 2: version of its tokenizer.
    pub version: u32,
    /// Whether seeds are tidied by default.
    pub optimise_midi: bool,
    /// Tokens.
    pub vocab_size: usize,
    /// Width of the event net's output.
    pub hidden_size: usize,
    /// Bytes of all matrices in memory.
    pub weight_bytes: usize,
}

/// Loads a model. The file stays mapped while the model lives: it must not be truncated meanwhile.
///
/// # Safety
/// `desc` as its first field says, its strings end with 0; the others may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_model_load(
    desc: *const SkytntMidiModelDesc,
    out: *mut *mut SkytntMidiModel,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        present(out, "out")?;
        // SAFETY: as the caller promises.
        let (path, weights, config, lora) = unsafe {
            let desc = described(desc, "desc")?;
            let path = text(desc.path, "path")?;
            (path, text(desc.weights, "weights")?, text(desc.config, "config")?, text(desc.lora, "lora")?)
        };
        let path = path.ok_or_else(|| Error::usage("bad-argument", "path: expected a model, found null"))?;
        let model = Model::load(Path::new(path), weights_of(weights)?, config, lora.map(Path::new))?;
        // SAFETY: may be written, as the caller promises.
        unsafe { *out = Box::into_raw(Box::new(SkytntMidiModel(Arc::new(model)))) };
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}

fn weights_of(name: Option<&str>) -> Result<Weights> {
    let Some(name) = name else { return Ok(Weights::Q8) };
    Weights::from_name(name).ok_or_else(|| {
        Error::usage("unknown-weights", format!("weights: expected f32, f16 or q8, found {name}"))
    })
}

/// Frees a model; sessions that were made of it go on. Null is fine.
///
/// # Safety
/// Each once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_model_free(model: *mut SkytntMidiModel) {
    if !model.is_null() {
        // SAFETY: made by `skytnt_midi_model_load`, as the caller promises.
        drop(unsafe { Box::from_raw(model) });
    }
}

/// What a model is.
///
/// # Safety
/// `model` is alive, `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skytnt_midi_model_info(
    model: *const SkytntMidiModel,
    out: *mut SkytntMidiModelInfo,
    error: *mut SkytntMidiError,
) -> i32 {
    let body = || {
        // SAFETY: alive, as the caller promises.
        let model = unsafe { &(*present(model, "model")?).0 };
        present(out, "out")?;
        let info = SkytntMidiModelInfo {
            version: if model.config.version == Version::V1 { 1 } else { 2 },
            optimise_midi: model.config.optimise_midi,
            vocab_size: model.config.net.vocab_size,
            hidden_size: model.config.net.hidden_size,
            weight_bytes: model.bytes(),
        };
        // SAFETY: may be written, as the caller promises.
        unsafe { *out = info };
        Ok(())
    };
    // SAFETY: as the caller promises.
    unsafe { guard(error, body) }
}
