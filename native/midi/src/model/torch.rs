//! `.ckpt` files as `torch.save` writes them: a zip of stored entries, one of them a pickle that says which tensor
//! lies where. The pickle is read by an interpreter that can build lists, dictionaries and tensors and nothing else.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};

use super::tensors::{Entry, TensorFile, map};

mod pickle;

/// An entry's name and its bytes' place in the file.
type Places = HashMap<String, std::ops::Range<usize>>;

/// Opens a checkpoint; its tensors carry the names of its `state_dict`, or of itself where it has none.
pub fn open(path: &Path) -> Result<TensorFile> {
    let name = path.display().to_string();
    let map = map(path)?;
    let bad = |message: String| Error::input("bad-model", format!("{name}: {message}"));
    let places = zip_entries(&map).map_err(bad)?;
    let (root, pickled) = places
        .iter()
        .find_map(|(entry, place)| {
            entry.strip_suffix("data.pkl").map(|root| (root.to_string(), place.clone()))
        })
        .ok_or_else(|| bad("expected a checkpoint with data.pkl, found none".into()))?;
    let tensors = pickle::tensors(&map[pickled]).map_err(bad)?;
    let mut entries = HashMap::new();
    for (tensor, found) in tensors {
        let key = format!("{root}data/{}", found.storage);
        let place =
            places.get(&key).ok_or_else(|| bad(format!("{tensor} should lie in {key}, which is missing")))?;
        let begin = found.offset.checked_mul(found.kind.size());
        let count = found.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let bytes = count.and_then(|n| n.checked_mul(found.kind.size()));
        let end = begin.zip(bytes).and_then(|(a, b)| a.checked_add(b));
        match (begin, end) {
            (Some(begin), Some(end)) if end <= place.len() => {
                let entry = Entry { kind: found.kind, shape: found.shape, offset: place.start + begin };
                entries.insert(tensor, entry);
            }
            _ => {
                return Err(bad(format!(
                    "{tensor} should lie inside {key}, which has {} bytes",
                    place.len()
                )));
            }
        }
    }
    Ok(TensorFile { map, entries, name })
}

fn le(bytes: &[u8], at: usize, n: usize) -> std::result::Result<usize, String> {
    let part = at.checked_add(n).and_then(|end| bytes.get(at..end));
    let part = part.ok_or("expected a whole zip file, found one that was cut off")?;
    Ok(part.iter().rev().fold(0usize, |value, &b| value << 8 | usize::from(b)))
}

/// The entries of a zip by its central directory; all have to be stored, as PyTorch does.
fn zip_entries(bytes: &[u8]) -> std::result::Result<Places, String> {
    const END: &[u8] = b"PK\x05\x06";
    let tail = bytes.len().saturating_sub(22 + 65535);
    let end = bytes[tail..].windows(4).rposition(|window| window == END);
    let end = end.map(|at| at + tail).ok_or_else(|| match bytes.first() {
        Some(0x80) => {
            "expected PyTorch's zip format, found its old one: save it again with a newer PyTorch".to_string()
        }
        _ => "expected a checkpoint as torch.save writes it (a zip file), found none".to_string(),
    })?;
    let (mut count, mut at) = (le(bytes, end + 10, 2)?, le(bytes, end + 16, 4)?);
    if count == 0xffff || at == 0xffff_ffff {
        // Zip64: a locator stands before the end and names the wide directory's end.
        let locator = end.checked_sub(20).ok_or("zip64 without its locator")?;
        let wide = le(bytes, locator + 8, 8)?;
        count = le(bytes, wide.saturating_add(32), 8)?;
        at = le(bytes, wide.saturating_add(48), 8)?;
    }
    let mut places = Places::new();
    for _ in 0..count {
        if le(bytes, at, 4)? != 0x0201_4b50 {
            return Err("its zip directory is damaged".into());
        }
        let method = le(bytes, at + 10, 2)?;
        let (mut size, mut local) = (le(bytes, at + 24, 4)?, le(bytes, at + 42, 4)?);
        let (named, extra, comment) =
            (le(bytes, at + 28, 2)?, le(bytes, at + 30, 2)?, le(bytes, at + 32, 2)?);
        let name = bytes.get(at + 46..at + 46 + named).ok_or("its zip directory is cut off")?;
        let name = String::from_utf8_lossy(name).into_owned();
        let mut field = at + 46 + named;
        let last = field + extra;
        while field + 4 <= last {
            let (id, length) = (le(bytes, field, 2)?, le(bytes, field + 2, 2)?);
            if id == 1 {
                let mut wide = field + 4;
                if size == 0xffff_ffff {
                    size = le(bytes, wide, 8)?;
                    wide += 16; // the packed size follows, wide as well
                }
                if local == 0xffff_ffff {
                    local = le(bytes, wide, 8)?;
                }
            }
            field += 4 + length;
        }
        at = last + comment;
        if method != 0 {
            return Err(format!("{name} is compressed; checkpoints have stored entries"));
        }
        let data = local.saturating_add(30);
        let data = data.saturating_add(le(bytes, local.saturating_add(26), 2)?);
        let data = data.saturating_add(le(bytes, local.saturating_add(28), 2)?);
        let stop = data.checked_add(size).filter(|&stop| stop <= bytes.len());
        let stop = stop.ok_or_else(|| format!("{name} should have {size} bytes; the file is cut off"))?;
        places.insert(name, data..stop);
    }
    Ok(places)
}
