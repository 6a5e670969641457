//! PEFT LoRA adapters: products of two thin matrices that are added to weights when they are loaded.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};

use super::tensors::{Entry, TensorFile};

/// An adapter's pairs of matrices, by the weight that they change.
pub struct Lora {
    file: TensorFile,
    config: Value,
    /// The weight's name to the prefix of its pair, and whether it was asked for.
    pairs: HashMap<String, (String, bool)>,
}

const PREFIX: &str = "base_model.model.";

impl Lora {
    /// Reads `adapter_config.json` and `adapter_model.safetensors` of a folder.
    pub fn load(folder: &Path) -> Result<Lora> {
        let config_file = folder.join("adapter_config.json");
        let show = config_file.display();
        let text = std::fs::read_to_string(&config_file).map_err(|cause| {
            Error::input("cannot-read", format!("{show}: {cause}"))
                .hint("A LoRA is a folder as PEFT saves it.")
        })?;
        let config: Value = serde_json::from_str(&text)
            .map_err(|cause| Error::input("bad-config", format!("{show}: expected JSON: {cause}")))?;
        let kind = config.get("peft_type").and_then(Value::as_str).unwrap_or("none");
        let dora = config.get("use_dora").and_then(Value::as_bool).unwrap_or(false);
        let bias = config.get("bias").and_then(Value::as_str).unwrap_or("none");
        if kind != "LORA" || dora || bias != "none" {
            let message = format!(
                "{show}: expected a plain LoRA, found peft_type {kind}, use_dora {dora}, bias {bias}"
            );
            return Err(Error::input("bad-config", message));
        }
        let file = TensorFile::safetensors(&folder.join("adapter_model.safetensors"))?;
        let mut pairs = HashMap::new();
        for name in file.entries.keys() {
            let plain = name.strip_prefix(PREFIX).unwrap_or(name);
            let part = plain.strip_suffix(".lora_A.weight").or_else(|| plain.strip_suffix(".lora_B.weight"));
            let Some(part) = part else {
                let message = format!("{}: expected lora_A and lora_B weights, found {name}", file.name);
                return Err(Error::input("bad-model", message)
                    .hint("Adapters that save whole modules are not taken."));
            };
            let full = &name[..name.len() - ".lora_A.weight".len()];
            pairs.insert(format!("{part}.weight"), (full.to_string(), false));
        }
        Ok(Lora { file, config, pairs })
    }

    /// What is added to a weight, row by row; nothing where the adapter does not change it.
    pub fn delta(&mut self, name: &str, rows: usize, columns: usize) -> Result<Option<Vec<f32>>> {
        let Some((pair, used)) = self.pairs.get_mut(name) else { return Ok(None) };
        *used = true;
        let pair = pair.clone();
        let rank = self.entry(&format!("{pair}.lora_A.weight"))?.shape.first().copied().unwrap_or(0);
        let a = self.values(&format!("{pair}.lora_A.weight"), [rank, columns])?;
        let b = self.values(&format!("{pair}.lora_B.weight"), [rows, rank])?;
        let scale = self.scale(name.trim_end_matches(".weight"), rank)?;
        let mut delta = vec![0.0f32; rows * columns];
        for (row, out) in delta.chunks_mut(columns).enumerate() {
            for k in 0..rank {
                let factor = b[row * rank + k] * scale;
                out.iter_mut().zip(&a[k * columns..]).for_each(|(o, v)| *o += factor * v);
            }
        }
        Ok(Some(delta))
    }

    /// alpha over the rank (over its root for rsLoRA); a module may have an alpha of its own.
    fn scale(&self, module: &str, rank: usize) -> Result<f32> {
        let patterns = self.config.get("alpha_pattern").and_then(Value::as_object);
        let own = patterns.and_then(|p| {
            let fits = |key: &str| module == key || module.ends_with(&format!(".{key}"));
            p.iter().find(|(key, _)| fits(key)).and_then(|(_, value)| value.as_f64())
        });
        let alpha = own.or_else(|| self.config.get("lora_alpha").and_then(Value::as_f64));
        let Some(alpha) = alpha.filter(|_| rank > 0) else {
            return Err(Error::input(
                "bad-config",
                format!("{}: lora_alpha or a rank is missing", self.file.name),
            ));
        };
        let root = self.config.get("use_rslora").and_then(Value::as_bool).unwrap_or(false);
        Ok((alpha / if root { (rank as f64).sqrt() } else { rank as f64 }) as f32)
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.file.entries.get(name).ok_or_else(|| {
            let message =
                format!("{}: expected {name}, the other half of a pair, found none", self.file.name);
            Error::input("missing-tensor", message)
        })
    }

    fn values(&self, name: &str, shape: [usize; 2]) -> Result<Vec<f32>> {
        let entry = self.file.get(name, &shape)?;
        let mut all = vec![0.0; shape[0] * shape[1]];
        for (row, out) in all.chunks_mut(shape[1].max(1)).enumerate() {
            self.file.row(entry, row, out);
        }
        Ok(all)
    }

    /// Fails where the adapter changes a weight that the model does not have.
    pub fn all_used(&self) -> Result<()> {
        match self.pairs.iter().find(|(_, (_, used))| !used) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("{}: it changes {name}, which the model does not have", self.file.name);
                Err(Error::input("wrong-lora", message).hint("Was it made for another model?"))
            }
        }
    }
}
