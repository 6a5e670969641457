//! The transformer: two nets, one over events and one over an event's tokens, and where their weights come from.

mod arena;
mod cache;
mod config;
mod llama;
mod load;
mod lora;
mod matrix;
mod tensors;
mod torch;

pub use cache::Cache;
pub use config::{Config, NetConfig};
pub use llama::{Net, Place, Runner, Scratch};
pub use load::Model;
pub use matrix::{Matrix, Weights};

/// Names of the tensors that a `.ckpt` file has.
pub fn checkpoint_tensors(path: &std::path::Path) -> crate::Result<Vec<String>> {
    Ok(torch::open(path)?.entries.into_keys().collect())
}

/// A tensor of a `.ckpt` file as floats, all its rows.
pub fn checkpoint_values(path: &std::path::Path, name: &str) -> crate::Result<Vec<f32>> {
    let file = torch::open(path)?;
    let missing = || crate::Error::input("missing-tensor", format!("{}: no tensor {name}", file.name));
    let entry = file.entries.get(name).ok_or_else(missing)?;
    let mut all = vec![0.0; entry.shape.iter().product()];
    file.row(entry, 0, &mut all);
    Ok(all)
}
