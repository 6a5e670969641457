//! What every call that can fail returns: a status, a code for programs, a message for people, a hint.

use std::fmt;

/// Equal to the command line's exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Our own fault.
    Internal = 1,
    /// An unknown name, a value out of range.
    Usage = 2,
    /// A file or a model that cannot work.
    Input = 3,
    /// Out of memory.
    Device = 4,
    /// Stopped by the host.
    Cancelled = 130,
}

/// An error with operation, expectation and finding in its message.
#[derive(Clone, Debug)]
pub struct Error {
    /// Its kind.
    pub status: Status,
    /// Stable, for programs: `missing-tensor`.
    pub code: &'static str,
    /// Operation, expected, found.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

/// The crate's results.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A file or a model that cannot work.
    pub fn input(code: &'static str, message: impl Into<String>) -> Error {
        Error { status: Status::Input, code, message: message.into(), hint: String::new() }
    }

    /// An unknown name, a value out of range.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Error {
        Error { status: Status::Usage, code, message: message.into(), hint: String::new() }
    }

    /// No memory.
    pub fn memory(message: impl Into<String>) -> Error {
        Error { status: Status::Device, code: "out-of-memory", message: message.into(), hint: String::new() }
    }

    /// Stopped by the host.
    pub fn cancelled() -> Error {
        Error { status: Status::Cancelled, code: "cancelled", message: "stopped".into(), hint: String::new() }
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
