//! Tensors by name in a mapped file, whichever format it has. Nothing is copied.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};

/// Types of numbers that weights come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    F32,
    F16,
    Bf16,
    I8,
}

impl Kind {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Kind::F32 => 4,
            Kind::F16 | Kind::Bf16 => 2,
            Kind::I8 => 1,
        }
    }
}

/// One tensor's place in the file; row by row, without gaps.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its numbers.
    pub kind: Kind,
    /// Its shape.
    pub shape: Vec<usize>,
    /// First byte, from the file's start; all its bytes are inside the file.
    pub offset: usize,
}

/// A mapped file's tensors.
pub struct TensorFile {
    /// The file's bytes.
    pub map: Arc<Mmap>,
    /// Where each tensor is.
    pub entries: HashMap<String, Entry>,
    /// For messages.
    pub name: String,
}

/// Maps a file for reading.
pub fn map(path: &Path) -> Result<Arc<Mmap>> {
    let name = path.display();
    let open = |cause: std::io::Error| {
        Error::input("cannot-read", format!("{name}: {cause}")).hint("Is the path right, and may it be read?")
    };
    let file = File::open(path).map_err(open)?;
    if file.metadata().map_err(open)?.len() == 0 {
        return Err(Error::input("bad-model", format!("{name}: expected a model file, found an empty one")));
    }
    // SAFETY: model files are not expected to change while they are in use; whoever truncates one then ends the
    // process by a signal, as with any mapped file. The documentation says so.
    let map = unsafe { Mmap::map(&file) }.map_err(open)?;
    Ok(Arc::new(map))
}

impl TensorFile {
    /// Reads a safetensors file's header.
    pub fn safetensors(path: &Path) -> Result<TensorFile> {
        let name = path.display().to_string();
        let map = map(path)?;
        let bad = |cause: safetensors::SafeTensorError| {
            Error::input("bad-model", format!("{name}: expected a whole safetensors file, found {cause}"))
                .hint("Was the download cut off?")
        };
        let tensors = SafeTensors::deserialize(&map).map_err(bad)?;
        let mut entries = HashMap::new();
        for (tensor, view) in tensors.iter() {
            let kind = match view.dtype() {
                Dtype::F32 => Kind::F32,
                Dtype::F16 => Kind::F16,
                Dtype::BF16 => Kind::Bf16,
                Dtype::I8 => Kind::I8,
                _ => continue, // named as missing where it is needed
            };
            let offset = view.data().as_ptr() as usize - map.as_ptr() as usize;
            entries.insert(tensor.to_string(), Entry { kind, shape: view.shape().to_vec(), offset });
        }
        Ok(TensorFile { map, entries, name })
    }

    /// The tensor of that name and shape.
    pub fn get(&self, tensor: &str, shape: &[usize]) -> Result<&Entry> {
        let entry = self.entries.get(tensor).ok_or_else(|| {
            let found = self.entries.len();
            let message =
                format!("{}: expected the tensor {tensor}, found {found} tensors without it", self.name);
            Error::input("missing-tensor", message)
        })?;
        if entry.shape != shape {
            let message =
                format!("{}: {tensor} should have shape {shape:?}, found {:?}", self.name, entry.shape);
            return Err(Error::input("wrong-shape", message).hint("Does config.json belong to this file?"));
        }
        Ok(entry)
    }

    /// A row (the last dimension) of a tensor as floats; 8-bit ones without their scale.
    pub fn row(&self, entry: &Entry, row: usize, out: &mut [f32]) {
        let size = entry.kind.size();
        let at = entry.offset + row * out.len() * size;
        let bytes = &self.map[at..at + out.len() * size];
        match entry.kind {
            Kind::F32 => {
                let all = bytes.chunks_exact(4);
                out.iter_mut().zip(all).for_each(|(o, b)| *o = f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            }
            Kind::F16 => {
                let all = bytes.chunks_exact(2);
                out.iter_mut().zip(all).for_each(|(o, b)| *o = f16::from_le_bytes([b[0], b[1]]).to_f32());
            }
            Kind::Bf16 => {
                let all = bytes.chunks_exact(2);
                out.iter_mut().zip(all).for_each(|(o, b)| *o = bf16::from_le_bytes([b[0], b[1]]).to_f32());
            }
            Kind::I8 => out.iter_mut().zip(bytes).for_each(|(o, &b)| *o = f32::from(b as i8)),
        }
    }

    /// A row of an 8-bit tensor.
    pub fn integers(&self, entry: &Entry, row: usize, out: &mut [i8]) {
        let at = entry.offset + row * out.len();
        let bytes = &self.map[at..at + out.len()];
        out.iter_mut().zip(bytes).for_each(|(o, &b)| *o = b as i8);
    }

    /// Lets the system take back the memory that a tensor's pages hold.
    pub fn release(&self, entry: &Entry) {
        let n = entry.shape.iter().product::<usize>() * entry.kind.size();
        #[cfg(unix)]
        {
            // SAFETY: the mapping is shared, read only and of a file: pages are read again when they are needed.
            let _ = unsafe {
                self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, entry.offset, n)
            };
        }
        #[cfg(not(unix))]
        let _ = n;
    }
}
