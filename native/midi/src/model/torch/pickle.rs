//! The few instructions of Python's pickles that checkpoints of tensors need. Names are looked up in a list, nothing
//! is imported and nothing called: a pickle that wants more is refused.

use std::collections::HashMap;
use std::rc::Rc;

use crate::model::tensors::Kind;

/// A tensor as the pickle describes it; contiguous.
#[derive(Clone, Debug)]
pub struct Found {
    pub storage: String,
    pub kind: Kind,
    /// In numbers, from the storage's start.
    pub offset: usize,
    pub shape: Vec<usize>,
}

#[derive(Clone)]
enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Text(Rc<str>),
    Bytes,
    // Places in the machine's lists: nothing nests, so nothing that is deep can overflow the stack.
    List(usize),
    Tuple(usize),
    /// Keys and values in turn.
    Dict(usize),
    Name(Named),
    Storage(Rc<str>, Option<Kind>),
    Tensor(Rc<Found>),
    /// A tensor of numbers that weights do not come in, or one that is not contiguous.
    Other,
    Mark,
}

#[derive(Clone, Copy, PartialEq)]
enum Named {
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    StorageType(Option<Kind>),
}

type Step<T> = Result<T, String>;

fn named(module: &str, name: &str) -> Step<Named> {
    Ok(match (module, name) {
        ("torch._utils", "_rebuild_tensor_v2") => Named::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Named::RebuildParameter,
        ("collections", "OrderedDict") => Named::OrderedDict,
        ("torch", "FloatStorage") => Named::StorageType(Some(Kind::F32)),
        ("torch", "HalfStorage") => Named::StorageType(Some(Kind::F16)),
        ("torch", "BFloat16Storage") => Named::StorageType(Some(Kind::Bf16)),
        ("torch", "CharStorage") => Named::StorageType(Some(Kind::I8)),
        ("torch", "DoubleStorage" | "LongStorage" | "IntStorage" | "ByteStorage" | "BoolStorage") => {
            Named::StorageType(None)
        }
        _ => {
            return Err(format!(
                "its pickle asks for {module}.{name}, which a model file does not need; refused"
            ));
        }
    })
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    lists: Vec<Vec<Value>>,
    memo: HashMap<u32, Value>,
}

/// Values that a pickle may hold at once: more is an attack.
const MOST: usize = 4_000_000;

/// All tensors of the pickle's `state_dict`, or of its top where it has none, by name.
pub fn tensors(bytes: &[u8]) -> Step<HashMap<String, Found>> {
    let mut machine = Machine { bytes, at: 0, stack: Vec::new(), lists: Vec::new(), memo: HashMap::new() };
    let Value::Dict(top) = machine.run()? else {
        return Err("expected a dictionary of tensors in the checkpoint, found another value".into());
    };
    let inner = machine.lists[top].chunks_exact(2).find_map(|pair| match pair {
        [Value::Text(key), Value::Dict(inner)] if &**key == "state_dict" => Some(*inner),
        _ => None,
    });
    let mut found = HashMap::new();
    for pair in machine.lists[inner.unwrap_or(top)].chunks_exact(2) {
        if let [Value::Text(key), Value::Tensor(tensor)] = pair {
            found.insert(key.to_string(), (**tensor).clone());
        }
    }
    Ok(found)
}

impl<'a> Machine<'a> {
    fn take(&mut self, n: usize) -> Step<&'a [u8]> {
        let end =
            self.at.checked_add(n).filter(|&end| end <= self.bytes.len()).ok_or("its pickle is cut off")?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn number(&mut self, n: usize) -> Step<u64> {
        Ok(self.take(n)?.iter().rev().fold(0, |value, &b| value << 8 | u64::from(b)))
    }

    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.at..];
        let n = rest.iter().position(|&b| b == b'\n').ok_or("its pickle is cut off")?;
        self.at += n + 1;
        Ok(String::from_utf8_lossy(&rest[..n]).into_owned())
    }

    fn text(&mut self, n: usize) -> Step<()> {
        let text = String::from_utf8_lossy(self.take(n)?).into_owned();
        self.stack.push(Value::Text(text.into()));
        Ok(())
    }

    fn pop(&mut self) -> Step<Value> {
        self.stack.pop().ok_or_else(|| "its pickle is damaged: the stack is empty".into())
    }

    /// A new list's place.
    fn list(&mut self, items: Vec<Value>) -> usize {
        self.lists.push(items);
        self.lists.len() - 1
    }

    fn items_to_mark(&mut self) -> Step<Vec<Value>> {
        let mark = self
            .stack
            .iter()
            .rposition(|v| matches!(v, Value::Mark))
            .ok_or("its pickle is damaged: no mark")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn remember(&mut self, key: u32) -> Step<()> {
        let value = self.stack.last().cloned().ok_or("its pickle is damaged: the stack is empty")?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Step<()> {
        let value = self.memo.get(&key).cloned().ok_or("its pickle is damaged: unknown memo")?;
        self.stack.push(value);
        Ok(())
    }

    fn run(&mut self) -> Step<Value> {
        loop {
            let code = self.take(1)?[0];
            if self.stack.len() > MOST || self.memo.len() > MOST || self.lists.len() > MOST {
                return Err("its pickle holds too many values".into());
            }
            match code {
                b'.' => return self.pop(),
                0x80 => drop(self.take(1)?), // protocol
                0x95 => drop(self.take(8)?), // frame
                b'N' => self.stack.push(Value::None),
                0x88 | 0x89 => self.stack.push(Value::Bool),
                b'K' => self.int(1)?,
                b'M' => self.int(2)?,
                b'J' => {
                    let value = self.number(4)? as u32 as i32;
                    self.stack.push(Value::Int(value.into()));
                }
                0x8a => {
                    let n = self.number(1)? as usize;
                    let bytes = self.take(n)?;
                    let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
                    let mut wide = [if negative { 0xff } else { 0 }; 8];
                    wide.iter_mut().zip(bytes).for_each(|(w, &b)| *w = b);
                    let value = i64::from_le_bytes(wide);
                    self.stack.push(if n <= 8 { Value::Int(value) } else { Value::Float });
                }
                b'G' => {
                    self.take(8)?;
                    self.stack.push(Value::Float);
                }
                b'X' => {
                    let n = self.number(4)? as usize;
                    self.text(n)?;
                }
                0x8c => {
                    let n = self.number(1)? as usize;
                    self.text(n)?;
                }
                b'U' | b'C' | b'T' | b'B' => {
                    let n = self.number(if matches!(code, b'U' | b'C') { 1 } else { 4 })? as usize;
                    self.take(n)?;
                    self.stack.push(Value::Bytes);
                }
                b']' => {
                    let place = self.list(Vec::new());
                    self.stack.push(Value::List(place));
                }
                b'}' => {
                    let place = self.list(Vec::new());
                    self.stack.push(Value::Dict(place));
                }
                b')' => {
                    let place = self.list(Vec::new());
                    self.stack.push(Value::Tuple(place));
                }
                b'(' => self.stack.push(Value::Mark),
                b't' => {
                    let items = self.items_to_mark()?;
                    let place = self.list(items);
                    self.stack.push(Value::Tuple(place));
                }
                0x85..=0x87 => {
                    let n = usize::from(code - 0x84);
                    let begin =
                        self.stack.len().checked_sub(n).ok_or("its pickle is damaged: the stack is short")?;
                    let items = self.stack.split_off(begin);
                    let place = self.list(items);
                    self.stack.push(Value::Tuple(place));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.items_to_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set(vec![key, value])?;
                }
                b'u' => {
                    let items = self.items_to_mark()?;
                    self.set(items)?;
                }
                b'q' => {
                    let key = self.number(1)? as u32;
                    self.remember(key)?;
                }
                b'r' => {
                    let key = self.number(4)? as u32;
                    self.remember(key)?;
                }
                0x94 => self.remember(self.memo.len() as u32)?,
                b'h' => {
                    let key = self.number(1)? as u32;
                    self.recall(key)?;
                }
                b'j' => {
                    let key = self.number(4)? as u32;
                    self.recall(key)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.stack.push(Value::Name(named(&module, &name)?));
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Value::Text(name), Value::Text(module)) = (name, module) else {
                        return Err("its pickle is damaged: a name that is no text".into());
                    };
                    self.stack.push(Value::Name(named(&module, &name)?));
                }
                b'Q' => {
                    let id = self.pop()?;
                    let value = self.storage(&id)?;
                    self.stack.push(value);
                }
                b'R' => {
                    let (arguments, function) = (self.pop()?, self.pop()?);
                    let value = self.build(&function, &arguments)?;
                    self.stack.push(value);
                }
                b'b' => {
                    // An ordered dictionary's attributes (`_metadata`): of no use here.
                    self.pop()?;
                    if !matches!(self.stack.last(), Some(Value::Dict(_))) {
                        return Err(
                            "its pickle builds an object, which a model file does not need; refused".into()
                        );
                    }
                }
                b'0' => drop(self.pop()?),
                _ => return Err(format!("its pickle has the instruction {code:#04x}, which is not taken")),
            }
        }
    }

    fn int(&mut self, n: usize) -> Step<()> {
        let value = self.number(n)? as i64;
        self.stack.push(Value::Int(value));
        Ok(())
    }

    fn append(&mut self, items: Vec<Value>) -> Step<()> {
        match self.stack.last() {
            Some(Value::List(place)) => self.lists[*place].extend(items),
            _ => return Err("its pickle is damaged: no list to append to".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<Value>) -> Step<()> {
        match self.stack.last() {
            Some(Value::Dict(place)) if items.len().is_multiple_of(2) => self.lists[*place].extend(items),
            _ => return Err("its pickle is damaged: no dictionary to set".into()),
        }
        Ok(())
    }

    /// `('storage', type, key, device, size)`.
    fn storage(&self, id: &Value) -> Step<Value> {
        if let Value::Tuple(place) = id
            && let [Value::Text(tag), Value::Name(Named::StorageType(kind)), Value::Text(key), ..] =
                &self.lists[*place][..]
            && &**tag == "storage"
        {
            return Ok(Value::Storage(key.clone(), *kind));
        }
        Err("its pickle names a storage that is none of PyTorch's".into())
    }

    fn build(&mut self, function: &Value, arguments: &Value) -> Step<Value> {
        let (Value::Name(function), Value::Tuple(arguments)) = (function, arguments) else {
            return Err("its pickle calls something, which a model file does not need; refused".into());
        };
        match (function, &self.lists[*arguments][..]) {
            (Named::OrderedDict, []) => {
                let place = self.list(Vec::new());
                Ok(Value::Dict(place))
            }
            (Named::OrderedDict, [Value::List(pairs)]) if self.lists[*pairs].is_empty() => {
                let place = self.list(Vec::new());
                Ok(Value::Dict(place))
            }
            (Named::RebuildParameter, [tensor @ (Value::Tensor(_) | Value::Other), ..]) => Ok(tensor.clone()),
            (
                Named::RebuildTensor,
                [Value::Storage(storage, kind), offset, Value::Tuple(shape), Value::Tuple(strides), ..],
            ) => {
                let shape: Option<Vec<usize>> = self.lists[*shape].iter().map(size).collect();
                let strides: Option<Vec<usize>> = self.lists[*strides].iter().map(size).collect();
                let (Some(shape), Some(strides), Some(offset)) = (shape, strides, size(offset)) else {
                    return Err("its pickle describes a tensor whose sizes are no numbers".into());
                };
                let mut expected = 1usize;
                let mut contiguous = shape.len() == strides.len();
                for (&n, &stride) in shape.iter().zip(&strides).rev() {
                    contiguous &= n == 1 || stride == expected;
                    expected = expected.saturating_mul(n);
                }
                Ok(match kind {
                    Some(kind) if contiguous => Value::Tensor(Rc::new(Found {
                        storage: storage.to_string(),
                        kind: *kind,
                        offset,
                        shape,
                    })),
                    _ => Value::Other,
                })
            }
            _ => Err("its pickle builds something other than tensors; refused".into()),
        }
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Int(n) => usize::try_from(*n).ok(),
        _ => None,
    }
}
